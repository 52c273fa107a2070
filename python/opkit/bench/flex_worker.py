"""Runs in an environment with TensorFlow 2.17 or 2.18; see flex.py. Imports nothing of opkit."""

import json
import os
import sys
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever TensorFlow prints must not get between the answers
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    models = {}

    def answer(**message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    def load(handle, folder, inputs):
        model = os.path.join(folder, handle + ".tflite")
        interpreter = tf.lite.Interpreter(model_path=model, num_threads=1)
        feeds = [np.load(os.path.join(folder, f"{handle}-in{i}.npy")) for i in range(inputs)]
        details = interpreter.get_input_details()
        for detail, value in zip(details, feeds, strict=True):
            if value.dtype.kind != "S" and tuple(detail["shape"]) != value.shape:
                interpreter.resize_tensor_input(detail["index"], value.shape)
        interpreter.allocate_tensors()
        for detail, value in zip(details, feeds, strict=True):
            interpreter.set_tensor(detail["index"], value)
        interpreter.invoke()
        models[handle] = interpreter
        return {}

    def outputs(handle, folder):
        interpreter = models[handle]
        details = interpreter.get_output_details()
        for i, detail in enumerate(details):
            value = interpreter.get_tensor(detail["index"])
            value = value.astype("S") if value.dtype == object else value
            np.save(os.path.join(folder, f"{handle}-out{i}.npy"), value, allow_pickle=False)
        return {"outputs": len(details)}

    def calls(handle, target):
        invoke = models[handle].invoke
        count = 1
        while True:
            start = time.perf_counter()
            for _ in range(count):
                invoke()
            took = time.perf_counter() - start
            if took >= target / 4 or count >= 1 << 20:
                return {"calls": max(1, min(1 << 20, round(count * target / max(took, 1e-9))))}
            count *= 4

    def timed(handle, calls):
        invoke = models[handle].invoke
        start, passed = time.process_time(), time.perf_counter()
        for _ in range(calls):
            invoke()
        # As clock.pool_seconds.
        seconds = min(time.process_time() - start, time.perf_counter() - passed)
        return {"seconds": seconds / calls}

    def drop(handle):
        models.pop(handle, None)
        return {}

    verbs = {"load": load, "outputs": outputs, "calls": calls, "time": timed, "drop": drop}
    answer(version=tf.__version__)
    for line in sys.stdin:
        request = json.loads(line)
        verb = verbs[request.pop("do")]
        try:
            answer(**verb(**request))
        except Exception as e:  # the parent decides what to make of it
            answer(error=f"{type(e).__name__}: {str(e)[:400]}")


if __name__ == "__main__":
    main()
