"""`/predict` before a SageMaker endpoint (a stub on loopback), beside a handler of one plain SDK call per request.

    cargo build --release --bins --examples && python3 benches/sagemaker.py

One core for the server under test, the other for the load (wrk, from Debian) and the stub.
"""

from load import ROW, arguments, beside_plain_calls, post

if __name__ == "__main__":
    env = {
        "IMBA__SCORER__KIND": "sagemaker",
        "IMBA__SCORER__SAGEMAKER__ENDPOINT_NAME": "imba",
        "IMBA__SCORER__SAGEMAKER__IN_FLIGHT": "8",
    }
    beside_plain_calls(arguments(__doc__).parse_args(), "sagemaker", "/predict", ROW, post(ROW), env)
