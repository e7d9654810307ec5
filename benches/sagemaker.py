"""`/predict` before a SageMaker endpoint (a stub on loopback), beside a handler of one plain SDK call per request.

    cargo build --release --bins --examples && python3 benches/sagemaker.py

One core for the server under test, the other for the load (wrk, from Debian) and the stub.
"""

from load import ROOT, ROW, arguments, beside_plain_calls, post
from targets import NAMES

if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("--peer", metavar="PYTHON", help="also benches/peers/fastapi_boto3.py, run by this interpreter")
    options = parser.parse_args()
    peer = [options.peer, str(ROOT / "benches" / "peers" / "fastapi_boto3.py")] if options.peer else None
    env = {
        "IMBA__SCORER__KIND": "sagemaker",
        "IMBA__SCORER__SAGEMAKER__ENDPOINT_NAME": "imba",
        "IMBA__SCORER__SAGEMAKER__IN_FLIGHT": "8",
        "IMBA__FEATURES__COLUMNS": ",".join(NAMES),
    }
    beside_plain_calls(options, "/predict", ROW, post(ROW), env, peer)
