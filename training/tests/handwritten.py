"""Hand-written tables in the published shape, for tests that are about single cells."""

from pathlib import Path

import duckdb

from imba_training.features import features

ORDERS = "order_id,user_id,eval_set,order_number,order_dow,order_hour_of_day,days_since_prior_order"
LINES = "order_id,product_id,add_to_cart_order,reordered"
PRODUCTS = "product_id,product_name,aisle_id,department_id"

# Three users. User 1 buys product 1 in three orders, product 2 in the first, product 3 in the third; user 2 has one
# order; user 3 buys product 2 twice and product 1 once.
TINY = {
    "orders": f"""{ORDERS}
11,1,prior,1,2,08,
12,1,prior,2,3,07,5.0
13,1,prior,3,4,12,10.0
14,1,train,4,4,15,7.0
21,2,prior,1,0,23,
22,2,test,2,0,11,30.0
31,3,prior,1,6,00,
32,3,prior,2,6,01,3.0
33,3,train,3,5,02,0.0
""",
    "order_products__prior": f"""{LINES}
11,1,1,0
11,2,2,0
12,1,1,1
13,3,1,0
13,1,2,1
21,1,1,0
21,4,2,0
31,2,1,0
32,2,1,1
32,1,2,0
""",
    "order_products__train": f"""{LINES}
14,1,1,1
14,4,2,0
33,3,1,0
""",
    "products": f"""{PRODUCTS}
1,Meadow Lane Whole Milk,1,1
2,"Thistle Row Bagels, 2 Pack",8,3
3,"Copper Mill Feta 6"" Tray",3,1
4,Sunday Farm Salsa,15,5
""",
}


def write(folder: Path, tables: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_bytes(text.encode())
    return folder


def rows(folder: Path) -> dict[tuple[int, int], dict]:
    """What `features` makes of the tables in `folder`, by user and product."""
    features(folder, folder / "out")
    return read(folder / "out")


def read(out: Path) -> dict[tuple[int, int], dict]:
    with duckdb.connect() as database:
        table = database.execute("SELECT * FROM read_parquet(?)", [str(out / "features.parquet")])
        names = [column[0] for column in table.description]
        found = [dict(zip(names, row, strict=True)) for row in table.fetchall()]
    return {(row["user_id"], row["product_id"]): row for row in found}
