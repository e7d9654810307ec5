"""Whether features know what they are to predict: they are computed again with another future, and must not change."""

import duckdb

from . import features
from .columns import KEYS
from .failures import Failure
from .output import say
from .recipes import Recipe

USERS = 500  # in the sample
_SAME = 1e-9  # relative: sums of DOUBLEs may differ in their last bits

# Another future: in the orders from the cutoff on, other products at other places, on other days and hours.
_ALTERED = {
    "orders": """
        SELECT o.* REPLACE (
            CASE WHEN is_future THEN (COALESCE(days_since_prior_order, 0) + 17) % 31 ELSE days_since_prior_order END
                AS days_since_prior_order,
            CASE WHEN is_future THEN (COALESCE(order_dow, 0) + 3) % 7 ELSE order_dow END AS order_dow,
            CASE WHEN is_future THEN (COALESCE(order_hour_of_day, 0) + 11) % 24 ELSE order_hour_of_day END
                AS order_hour_of_day,
            CASE WHEN is_future THEN '9999-12-31' ELSE order_date END AS order_date
        ) FROM as_it_is.orders o""",
    "lines": """
        SELECT l.* REPLACE (
            CASE WHEN o.is_future THEN s.other ELSE l.product_id END AS product_id,
            CASE WHEN o.is_future THEN l.add_to_cart_order + 7 ELSE l.add_to_cart_order END AS add_to_cart_order,
            CASE WHEN o.is_future THEN 1 - l.reordered ELSE l.reordered END AS reordered
        ) FROM as_it_is.lines l
        JOIN as_it_is.orders o ON o.order_id = l.order_id
        JOIN (
            SELECT product_id, COALESCE(LEAD(product_id) OVER (ORDER BY product_id), MIN(product_id) OVER ()) AS other
            FROM as_it_is.products
        ) s ON s.product_id = l.product_id""",
}


def check(database: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    """Refuses `recipe` if a feature of some sampled users depends on their orders from the cutoff on.

    The sample is computed by itself, in two schemas that differ in nothing but that future.
    """
    sample = f"SELECT user_id FROM cutoffs ORDER BY hash(user_id) LIMIT {USERS}"
    if not database.execute(f"SELECT EXISTS ({sample})").fetchone()[0]:
        return  # all is history
    home = database.execute("SELECT current_schema()").fetchone()[0]
    future = (
        f"o.order_number >= COALESCE((SELECT c.order_number FROM {home}.cutoffs c WHERE c.user_id = o.user_id), 1e9)"
    )
    as_it_is = {
        "orders": f"SELECT o.*, {future} AS is_future FROM {home}.orders o WHERE user_id IN ({sample})",
        "lines": f"SELECT * FROM {home}.lines WHERE order_id IN (SELECT order_id FROM as_it_is.orders)",
        "products": f"SELECT * FROM {home}.products",
        "cutoffs": f"SELECT * FROM {home}.cutoffs",
    }
    try:
        for schema, made in (("as_it_is", as_it_is), ("altered", as_it_is | _ALTERED)):
            database.execute(f"CREATE SCHEMA {schema}")
            for name, query in made.items():
                database.execute(f"CREATE TABLE {schema}.{name} AS {query}")
            database.execute(f"USE {schema}")
            features.compute(database, recipe)
            database.execute(f"USE {home}")
        _compare(database, recipe)
    finally:
        database.execute(f"USE {home}")
        for schema in ("as_it_is", "altered"):
            database.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
    say("features: no leak: another future gives the same features")


def _compare(database: duckdb.DuckDBPyConnection, recipe: Recipe) -> None:
    keys = " AND ".join(f"a.{key} = b.{key}" for key in KEYS)
    both = f"FROM as_it_is.feature_table a FULL JOIN altered.feature_table b ON {keys}"
    lost = f"SELECT COALESCE(a.user_id, b.user_id), COALESCE(a.product_id, b.product_id) {both}"
    if row := database.execute(f"{lost} WHERE a.user_id IS NULL OR b.user_id IS NULL ORDER BY ALL LIMIT 1").fetchone():
        raise Failure(f"{recipe.name}: whether there is a row for {_pair(row)} {_ADVICE}")
    for name in recipe.columns:
        differs = f"""(a.{name} IS NULL) <> (b.{name} IS NULL)
            OR abs(a.{name} - b.{name}) > {_SAME} * greatest(abs(a.{name}), abs(b.{name}))"""
        query = f"SELECT a.user_id, a.product_id {both} WHERE {differs} ORDER BY ALL LIMIT 1"
        if row := database.execute(query).fetchone():
            raise Failure(f"{recipe.name}, column {name}: its value for {_pair(row)} {_ADVICE}")


_ADVICE = (
    "depends on the order to be predicted: the answer leaks into the features. "
    "Read `history`, which ends before that order"
)


def _pair(row: tuple[int, int]) -> str:
    return f"user_id {row[0]}, product_id {row[1]}"
