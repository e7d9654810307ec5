"""The peers that are called from Python, on one thread: daal4py, ONNX Runtime, CatBoost. As peers.c, it takes PATH and
the number of features and prints "name value" lines, the least of many readings each: microseconds per row.

CatBoost cannot take the model over: it trains one of its own of the same trees and depth, whose levels ask one question
each, as a rate to look at.
"""

import os
import sys
import time

import numpy as np
import xgboost as xgb


def report(measure, times, unit, run):
    run()
    readings = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        readings.append(time.perf_counter() - start)
    print("%s %.6g" % (measure, min(readings) * 1e6 / unit))


def check(who, found, expected):
    worst = np.abs(np.asarray(found, np.float64).ravel() - expected).max()
    if worst > 1e-4:
        sys.exit("%s answers otherwise: off by %g" % (who, worst))


def main():
    path, features = sys.argv[1], int(sys.argv[2])
    rows = np.fromfile(path + ".rows", np.float32).reshape(-1, features)
    scores = np.fromfile(path + ".scores", np.float32)
    booster = xgb.Booster(model_file=path + ".ubj")

    import daal4py
    from daal4py.mb import convert_model

    daal4py.daalinit(1)
    model = convert_model(booster)
    check("daal4py", model.predict_proba(rows)[:, 1], scores)
    report("daal4py-batch", 15, len(rows), lambda: model.predict_proba(rows))
    report("daal4py-single", 300, 1, lambda: model.predict_proba(rows[:1]))

    import onnxmltools
    import onnxruntime
    from onnxmltools.convert.common.data_types import FloatTensorType

    graph = onnxmltools.convert_xgboost(booster, initial_types=[("x", FloatTensorType([None, features]))])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options)
    check("ONNX Runtime", session.run(None, {"x": rows})[1][:, 1], scores)
    report("onnx-batch", 8, len(rows), lambda: session.run(None, {"x": rows}))
    report("onnx-single", 300, 1, lambda: session.run(None, {"x": rows[:1]}))

    import catboost

    own = path + ".cbm"
    if not os.path.exists(own):
        trees, depth = int(sys.argv[3]), int(sys.argv[4])
        settings = {"iterations": trees, "depth": depth, "verbose": False, "thread_count": 1, "learning_rate": 0.1}
        catboost.CatBoostClassifier(**settings).fit(rows, scores > np.median(scores)).save_model(own)
    model = catboost.CatBoostClassifier().load_model(own)
    pool = catboost.FeaturesData(num_feature_data=rows)
    report("catboost-batch", 8, len(rows), lambda: model.predict(pool, prediction_type="RawFormulaVal", thread_count=1))


if __name__ == "__main__":
    main()
