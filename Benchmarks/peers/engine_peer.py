"""A net by an inference engine, read from the files that compare.py has made: times forward passes."""

import os

import peer

arguments = peer.options(["onnxruntime", "openvino", "opencv", "ncnn"])
path = os.path.join(arguments.folder, f"{arguments.net}_{arguments.batch}")


def onnxruntime(x):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(path + ".onnx", options, providers=["CPUExecutionProvider"])
    return ort.__version__, lambda: session.run(None, {"v0": x})


def openvino(x):
    import openvino as ov

    core = ov.Core()
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": arguments.threads, "NUM_STREAMS": 1,
                "INFERENCE_PRECISION_HINT": "f32"}
    request = core.compile_model(path + ".onnx", "CPU", settings).create_infer_request()
    return ov.__version__.split("-")[0], lambda: request.infer([x], share_inputs=True, share_outputs=True)


def opencv(x):
    import cv2

    cv2.setNumThreads(arguments.threads)
    network = cv2.dnn.readNetFromONNX(path + ".onnx")
    network.setPreferableBackend(cv2.dnn.DNN_BACKEND_OPENCV)

    def step():
        network.setInput(x)
        network.forward()
    return cv2.__version__, step


def ncnn(x):
    import ncnn as n

    network = n.Net()
    network.opt.num_threads = arguments.threads
    # Off: it computes with numbers of 16 bits.
    network.opt.use_fp16_packed = network.opt.use_fp16_storage = network.opt.use_fp16_arithmetic = False
    network.opt.use_bf16_storage = False
    if network.load_param(path + ".ncnn.param") or network.load_model(path + ".ncnn.bin"):
        raise SystemExit("ncnn cannot read its files")
    image = n.Mat(x[0]).clone()

    def step():
        extractor = network.create_extractor()
        extractor.input("in0", image)
        status, _ = extractor.extract("out0")
        if status:
            raise SystemExit("ncnn cannot compute the net")
    return n.__version__, step


version, step = globals()[arguments.variant](peer.batch(arguments)[0])
peer.measure(arguments, version, step)
