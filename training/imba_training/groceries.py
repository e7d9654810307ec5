"""An invented grocery catalogue: departments, aisles with their buying habits, and product names.

Every name is made up here from common words; none comes from a published data set.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Aisle:
    """One shelf: what stands on it and how people buy it."""

    name: str
    department: str
    loyalty: float  # log-odds that someone who tried a product here wants it again when it is due
    period: float  # days a purchase lasts
    items: tuple[str, ...]
    kinds: tuple[str, ...]


def _aisle(name: str, department: str, loyalty: float, period: float, items: str, kinds: str) -> Aisle:
    return Aisle(name, department, loyalty, period, tuple(items.split("|")), tuple(kinds.split("|")))


AISLES = (
    _aisle("milk", "dairy", 0.9, 6, "Whole Milk|Low Fat Milk|Skim Milk|Oat Drink|Almond Drink", "Plain|Vanilla|Unsweetened|Lactose Free"),
    _aisle("yogurt", "dairy", 0.5, 8, "Greek Yogurt|Yogurt Drink|Skyr|Kefir", "Plain|Vanilla|Strawberry|Blueberry|Honey|Peach"),
    _aisle("cheese", "dairy", 0.1, 14, "Cheddar|Mozzarella|Gouda|Feta|Cream Cheese", "Sliced|Grated|Mild|Mature|Smoked"),
    _aisle("eggs", "dairy", 0.8, 9, "Eggs|Egg Whites", "Free Range|Large|Medium|Barn"),
    _aisle("fresh fruit", "produce", 0.8, 6, "Bananas|Apples|Pears|Grapes|Strawberries|Lemons|Avocados|Oranges", "Organic|Small|Large|Bagged|Ripe"),
    _aisle("fresh vegetables", "produce", 0.4, 7, "Spinach|Carrots|Tomatoes|Cucumbers|Broccoli|Onions|Peppers|Zucchini", "Organic|Baby|Bagged|Loose|Chopped"),
    _aisle("herbs", "produce", -0.3, 12, "Basil|Cilantro|Parsley|Mint|Ginger Root|Garlic", "Organic|Fresh|Potted"),
    _aisle("bread", "bakery", 0.6, 6, "Sourdough Loaf|Wholemeal Bread|Bagels|Tortillas|Pita", "Sliced|Seeded|Plain|Mini"),
    _aisle("breakfast bakery", "bakery", -0.1, 10, "Croissants|Muffins|Cinnamon Rolls|Crumpets", "Butter|Blueberry|Chocolate|Plain"),
    _aisle("poultry", "meat", 0.3, 9, "Chicken Breasts|Chicken Thighs|Ground Turkey|Turkey Slices", "Free Range|Boneless|Family Pack|Smoked"),
    _aisle("seafood", "meat", -0.2, 14, "Salmon Fillets|Shrimp|Cod Fillets|Tuna Steaks", "Wild|Smoked|Peeled|Skinless"),
    _aisle("plant protein", "meat", 0.2, 11, "Tofu|Tempeh|Veggie Burgers|Seitan Strips", "Firm|Smoked|Marinated|Silken"),
    _aisle("cereal", "pantry", 0.0, 16, "Granola|Corn Flakes|Rolled Oats|Muesli|Puffed Rice", "Honey|Maple|Nutty|Plain|Cocoa"),
    _aisle("pasta and rice", "pantry", -0.3, 25, "Spaghetti|Penne|Basmati Rice|Brown Rice|Couscous|Quinoa", "Classic|Wholegrain|Organic|Quick"),
    _aisle("sauces", "pantry", -0.6, 35, "Tomato Sauce|Pesto|Salsa|Soy Sauce|Mustard|Mayonnaise", "Mild|Hot|Classic|Smoky"),
    _aisle("spices", "pantry", -1.6, 120, "Cumin|Paprika|Black Pepper|Turmeric|Oregano|Sea Salt", "Ground|Whole|Smoked|Fine"),
    _aisle("baking", "pantry", -1.2, 80, "Flour|Brown Sugar|Baking Powder|Cocoa Powder|Vanilla Extract", "Fine|Organic|Classic"),
    _aisle("canned goods", "pantry", -0.5, 30, "Chickpeas|Black Beans|Coconut Milk|Sweet Corn|Tuna Chunks", "Low Salt|Organic|Classic"),
    _aisle("snack bars", "snacks", 0.3, 10, "Granola Bars|Protein Bars|Fruit Bars|Nut Bars", "Peanut|Cocoa|Berry|Almond|Coconut"),
    _aisle("chips", "snacks", 0.0, 13, "Potato Chips|Tortilla Chips|Veggie Chips|Pretzels|Popcorn", "Sea Salt|Paprika|Vinegar|Lightly Salted"),
    _aisle("nuts", "snacks", -0.1, 18, "Almonds|Cashews|Walnuts|Trail Mix|Raisins", "Roasted|Raw|Salted|Organic"),
    _aisle("chocolate", "snacks", -0.2, 15, "Dark Chocolate|Milk Chocolate|Chocolate Almonds|Truffles", "Orange|Hazelnut|Sea Salt|Mint"),
    _aisle("water", "beverages", 0.9, 8, "Sparkling Water|Mineral Water|Spring Water", "Lime|Grapefruit|Plain|Berry"),
    _aisle("juice", "beverages", 0.3, 9, "Orange Juice|Apple Juice|Carrot Juice|Lemonade", "Pressed|With Pulp|Organic|Light"),
    _aisle("coffee and tea", "beverages", 0.2, 24, "Ground Coffee|Espresso Beans|Green Tea|Black Tea|Herbal Tea", "Dark Roast|Light Roast|Decaf|Organic"),
    _aisle("frozen meals", "frozen", -0.1, 14, "Vegetable Lasagna|Cheese Pizza|Burritos|Dumplings", "Family Size|Spicy|Classic|Stone Baked"),
    _aisle("ice cream", "frozen", 0.0, 17, "Ice Cream|Sorbet|Frozen Yogurt|Ice Pops", "Vanilla|Mango|Cocoa|Raspberry|Pistachio"),
    _aisle("frozen produce", "frozen", 0.1, 16, "Peas|Mixed Berries|Mango Chunks|Green Beans", "Frozen|Organic Frozen"),
    _aisle("paper goods", "household", -0.2, 32, "Paper Towels|Toilet Paper|Napkins|Tissues", "Recycled|Soft|Extra Strong"),
    _aisle("cleaning", "household", -1.0, 60, "Dish Soap|Laundry Detergent|Glass Cleaner|Sponges", "Lemon|Unscented|Concentrated"),
    _aisle("baby food", "babies", 0.7, 7, "Fruit Puree|Vegetable Puree|Baby Cereal|Rice Rusks", "Apple|Pear|Carrot|Banana"),
    _aisle("pet food", "pets", 0.5, 15, "Cat Food|Dog Food|Dog Treats|Cat Litter", "Chicken|Salmon|Grain Free|Lamb"),
)  # fmt: skip

DEPARTMENTS = tuple(dict.fromkeys(aisle.department for aisle in AISLES))

_BRANDS = tuple(
    f"{first} {second}"
    for second in ("Lane", "Hollow", "& Daughters", "Farm", "Pantry", "Valley", "Row", "Market", "Mill", "Orchard")
    for first in ("Meadow", "Harbor", "Juniper", "Copper", "Willow", "Sunday", "Northfield", "Larkspur", "Thistle", "Amber")
)  # fmt: skip
_SIZES = ("", ", 2 Pack", ", Family Size", ", Single Serve", ", 500 g", ", 1 l", ", 12 Count", ' 6" Tray')


@dataclass(frozen=True)
class Catalogue:
    """Products as columns; product i (from 0) has the id i + 1."""

    names: list[str]
    aisle: np.ndarray  # index into AISLES
    popularity: np.ndarray  # probability that a new try is this product, sums to 1
    loyalty: np.ndarray  # log-odds, see Aisle
    period: np.ndarray  # days

    def __len__(self) -> int:
        return len(self.names)


def stock(rng: np.random.Generator, products: int) -> Catalogue:
    """Invents `products` products with distinct names and a long-tailed popularity."""
    aisle = rng.integers(len(AISLES), size=products)
    rank = rng.permutation(products)
    weight = (rank + 8.0) ** -0.95 * rng.lognormal(0.0, 0.3, products)
    loyalty = np.array([a.loyalty for a in AISLES])[aisle] + rng.normal(0.0, 0.8, products)
    period = np.array([a.period for a in AISLES])[aisle] * rng.lognormal(0.0, 0.35, products)
    return Catalogue(_names(rng, aisle), aisle, weight / weight.sum(), loyalty, period)


def _names(rng: np.random.Generator, aisle: np.ndarray) -> list[str]:
    """One distinct name per product: brand, kind and item drawn at random, a size when that is taken."""
    taken: set[str] = set()
    names = []
    draws = rng.integers(2**31, size=(len(aisle), 3))
    for where, (brand, kind, item) in zip(aisle, draws.tolist(), strict=True):
        shelf = AISLES[where]
        plain = f"{_BRANDS[brand % len(_BRANDS)]} {shelf.kinds[kind % len(shelf.kinds)]} {shelf.items[item % len(shelf.items)]}"
        name = next((n for n in (plain + size for size in _SIZES) if n not in taken), f"{plain}, No. {len(names) + 1}")
        taken.add(name)
        names.append(name)
    return names
