"""`/predict/pair` before a DynamoDB table (a stub on loopback), beside a handler of one plain `GetItem` per request.

    cargo build --release --bins --examples && python3 benches/dynamodb.py

One core for the server under test, the other for the load (wrk, from Debian) and the stub. Every request asks for
another pair. The plain handler answers with the row; imba scores it as well.
"""

from load import arguments, beside_plain_calls

ROUTE = "/predict/pair"
# wrk runs this in each of its threads.
SCRIPT = """
wrk.method = "POST"
local at = 0
request = function()
  at = at + 1
  return wrk.format(nil, nil, nil, (at % 200000) .. "," .. (at % 49999))
end
"""

if __name__ == "__main__":
    env = {"IMBA__FEATURES__KIND": "dynamodb", "IMBA__FEATURES__DYNAMODB__IN_FLIGHT": "8"}
    beside_plain_calls(arguments(__doc__).parse_args(), ROUTE, "1,2", SCRIPT, env)
