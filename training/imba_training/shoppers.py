"""A simulation of grocery shoppers: who buys what in which order.

Every user has a rhythm (days between orders), a basket size, a curiosity for new products and, for each product once
tried, a habit: how strongly it is wanted when it is due, how long a purchase lasts and after how many orders the habit
dies. These are the causes that the 18 features see the traces of, so a model can learn something, but not all.

Arrays are columns. A "pair" is one user with one product.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .groceries import Catalogue

FIRST_ORDERS = 4  # as published: every user has three prior orders and one more
MOST_ORDERS = 100
LONGEST_GAP = 30  # days_since_prior_order is capped there, as published
USERS_AT_ONCE = 4_000


@dataclass(frozen=True)
class Users:
    """One row per user; user i (from 0) has the id i + 1."""

    orders: np.ndarray  # how many, the last one included
    basket: np.ndarray  # lines per order that the user tends to
    gap: np.ndarray  # days between orders
    curiosity: np.ndarray  # share of a basket that is new
    loyalty: np.ndarray  # log-odds added to every habit

    def __len__(self) -> int:
        return len(self.orders)


@dataclass(frozen=True)
class Visits:
    """The orders of consecutive users, by user and order number."""

    user: np.ndarray  # index of the user
    number: np.ndarray  # 1, 2, ...
    days: np.ndarray  # since the order before; NaN for the first
    hour: np.ndarray
    weekday: np.ndarray


@dataclass(frozen=True)
class Lines:
    """What was put into the carts: one row per order and product."""

    visit: np.ndarray  # index into the Visits of the same batch
    product: np.ndarray  # index of the product
    reordered: np.ndarray  # 1 if the user had bought it in an earlier order
    cart_position: np.ndarray  # 1, 2, ...


def invite(rng: np.random.Generator, users: int) -> Users:
    """Draws the users."""
    orders = np.clip(FIRST_ORDERS + rng.lognormal(np.log(7.0), 1.1, users), FIRST_ORDERS, MOST_ORDERS).astype(np.int64)
    gap = rng.lognormal(np.log(15.0), 0.45, users) * (orders / 10.0) ** -0.25
    return Users(
        orders=orders,
        basket=rng.lognormal(np.log(9.0), 0.55, users),
        gap=gap,
        curiosity=rng.beta(4.0, 2.5, users),
        loyalty=rng.normal(0.0, 0.6, users),
    )


def shop(rng: np.random.Generator, users: Users, catalogue: Catalogue) -> Iterator[tuple[Visits, Lines]]:
    """Simulates all orders of all users, some thousands of users at a time."""
    for start in range(0, len(users), USERS_AT_ONCE):
        batch = np.arange(start, min(start + USERS_AT_ONCE, len(users)))
        visits = _calendar(rng, users, batch)
        yield visits, _fill_carts(rng, users, batch, visits, catalogue)


def _calendar(rng: np.random.Generator, users: Users, batch: np.ndarray) -> Visits:
    user = np.repeat(batch, users.orders[batch])
    first = np.cumsum(users.orders[batch]) - users.orders[batch]
    number = np.arange(len(user)) - np.repeat(first, users.orders[batch]) + 1
    days = np.round(rng.gamma(2.5, users.gap[user] / 2.5))
    weekly = rng.random(len(user)) < 0.25
    days = np.where(weekly, np.maximum(7.0, 7.0 * np.round(days / 7.0)), days)
    days = np.minimum(days, LONGEST_GAP)
    days[number == 1] = np.nan
    hour = np.clip(np.round(rng.normal(13.5, 4.2, len(user))), 0, 23).astype(np.int64)
    return Visits(user, number, days, hour, rng.integers(7, size=len(user)))


@dataclass
class _Habits:
    """One row per pair, sorted by user; shrinks as users finish."""

    user: np.ndarray
    product: np.ndarray
    since: np.ndarray  # number of the order in which the product is tried
    until: np.ndarray  # number of the order after which the habit is dead
    strength: np.ndarray  # probability to be wanted when fully due
    period: np.ndarray  # days
    last_day: np.ndarray  # day of the last purchase

    def keep(self, rows: np.ndarray) -> None:
        for column, values in vars(self).items():
            setattr(self, column, values[rows])


def _tries(rng: np.random.Generator, users: Users, visits: Visits, catalogue: Catalogue) -> _Habits:
    """Which product each user tries in which order, and what habit it becomes."""
    basket = users.basket[visits.user]
    new = rng.poisson(basket * users.curiosity[visits.user] * visits.number**-0.2)
    first = visits.number == 1
    new[first] = np.maximum(1, rng.poisson(basket[first]))
    user, since = np.repeat(visits.user, new), np.repeat(visits.number, new)
    product = np.searchsorted(np.cumsum(catalogue.popularity)[:-1], rng.random(len(user)), side="right")
    # User 1 tries product 2 before anything else, so that documentation has a pair to ask for: 1,2.
    product[:1] = np.where(user[:1] == 0, 1 % len(catalogue), product[:1])
    once = np.unique(user * len(catalogue) + product, return_index=True)[1]
    user, since, product = user[once], since[once], product[once]
    taste = catalogue.loyalty[product] + users.loyalty[user] + rng.normal(-0.7, 1.5, len(user))
    return _Habits(
        user=user,
        product=product,
        since=since,
        until=since + rng.geometric(0.14 / (1.0 + np.exp(taste)) + 0.015),
        strength=1.0 / (1.0 + np.exp(-taste)),
        period=catalogue.period[product] * rng.lognormal(0.0, 0.25, len(user)),
        last_day=np.zeros(len(user)),
    )


def _fill_carts(
    rng: np.random.Generator, users: Users, batch: np.ndarray, visits: Visits, catalogue: Catalogue
) -> Lines:
    habits = _tries(rng, users, visits, catalogue)
    first_visit = np.cumsum(users.orders[batch]) - users.orders[batch]
    elapsed = np.nancumsum(visits.days)
    carts = []
    for number in range(1, int(users.orders[batch].max()) + 1):
        habits.keep(users.orders[habits.user] >= number)
        here = first_visit[habits.user - batch[0]] + number - 1
        today = elapsed[here]
        new, wanted = habits.since == number, _wanted(rng, users, habits, number, today)
        bought = np.flatnonzero(new | wanted)
        habits.last_day[bought] = today[bought]
        eagerness = habits.strength[bought] * ~new[bought] + rng.random(len(bought))
        carts.append((here[bought], habits.product[bought], ~new[bought], eagerness))
    visit, product, reordered, eagerness = (np.concatenate(column) for column in zip(*carts, strict=True))
    order = np.lexsort((-eagerness, visit))
    visit, product, reordered = visit[order], product[order], reordered[order]
    return Lines(visit, product, reordered.astype(np.int64), _count_within(visit))


def _wanted(rng: np.random.Generator, users: Users, habits: _Habits, number: int, today: np.ndarray) -> np.ndarray:
    """Which habits lead to a purchase in this order; nobody who has nothing new leaves with an empty cart."""
    due = 1.0 - np.exp(-(((today - habits.last_day + 1.0) / habits.period) ** 1.5))
    chance = habits.strength * due
    chance[habits.until < number] *= 0.05
    chance[habits.since >= number] = 0.0
    starts = np.flatnonzero(np.diff(habits.user, prepend=-1))
    sizes = np.diff(starts, append=len(habits.user))
    limit = users.basket[habits.user[starts]] * rng.lognormal(0.0, 0.3, len(starts))
    crowded = np.minimum(1.0, limit / np.maximum(np.add.reduceat(chance, starts), 1e-9))
    chance *= np.repeat(crowded, sizes)
    wanted = rng.random(len(chance)) < chance
    empty = np.repeat(np.add.reduceat(wanted | (habits.since == number), starts) == 0, sizes)
    best = np.repeat(np.maximum.reduceat(chance, starts), sizes)
    return wanted | (empty & (chance == best))


def _count_within(groups: np.ndarray) -> np.ndarray:
    """1, 2, ... within each run of equal values."""
    starts = np.flatnonzero(np.diff(groups, prepend=-1))
    sizes = np.diff(starts, append=len(groups))
    return np.arange(len(groups)) - np.repeat(starts, sizes) + 1
