"""Names of columns that the exchange adds; apart, because clients need neither Arrow nor Spark to read them."""

#: The number of a row in what came in; it travels with the DataFrame, and never leaves it.
ROW = "__anabranch_row__"
