"""The 18 features of the imba model, in model order, and the names of the columns beside them."""

KEYS = ("user_id", "product_id")

FEATURES = (
    "up_orders",
    "user_mean_days_since_prior",
    "user_period",
    "user_distinct_products",
    "user_reorder_ratio",
    "user_total_products",
    "up_average_cart_position",
    "up_first_order",
    "user_orders",
    "up_last_order",
    "prod_orders",
    "prod_reorder_probability",
    "prod_reorder_times",
    "prod_reorder_ratio",
    "user_average_basket",
    "up_order_rate",
    "up_orders_since_last_order",
    "up_order_rate_since_first_order",
)

# What `--features extended` adds, see sql/extended.sql.
EXTENDED = (
    "up_days_since_last",
    "up_days_between",
    "up_days_overdue",
    "up_streak",
    "up_in_last_three",
    "up_in_last_five",
    "aisle_reorder_ratio",
    "department_reorder_ratio",
    "user_aisle_bought",
    "user_aisle_reorder_ratio",
    "up_aisle_share",
)

LABEL = "label"
SPLIT = "split"
SPLITS = ("train", "validation", "test")

# The payload of the old service's documentation, in model order: what `deploy` asks a new endpoint.
EXAMPLE = (
    1,
    6.67578125,
    3418,
    209,
    0.595703125,
    514,
    10.0,
    11,
    57,
    11,
    1599,
    0.1498791297340854,
    1.2884770346494763,
    0.22388993120700437,
    9.017543859649123,
    0.017543859649122806,
    46,
    0.02127659574468085,
)
