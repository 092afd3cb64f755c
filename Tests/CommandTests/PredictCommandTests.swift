import Foundation
import Prototxt
import Schema
import Testing

@testable import netrun

@Suite("netrun deploy and netrun predict")
struct PredictCommandTests {
  private let folder: TemporaryFolder
  private static let digits = LogLines.folder.deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "solvers/digits_lmdb").path

  private static func net(_ transform: String) -> String {
    """
    name: "Small"
    layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN }
      transform_param { \(transform) mirror: true }
      data_param { source: "digits_lmdb" batch_size: 8 backend: LMDB } }
    layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST }
      transform_param { \(transform) }
      data_param { source: "digits_lmdb" batch_size: 8 backend: LMDB } }
    layer { name: "l" type: "Power" bottom: "label" top: "l" }
    layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" param { lr_mult: 1 }
      inner_product_param { num_output: 12 weight_filler { type: "xavier" } } }
    layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" }
    layer { name: "act" type: "TanH" bottom: "ip" top: "act" }
    layer { name: "fc" type: "InnerProduct" bottom: "act" top: "fc"
      inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
    layer { name: "acc" type: "Accuracy" bottom: "fc" bottom: "label" top: "acc"
      include { phase: TEST } }
    layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "l" top: "loss" }
    """
  }

  init() throws {
    folder = try TemporaryFolder()
    try FileManager.default.createSymbolicLink(
      atPath: folder.url.appending(path: "digits_lmdb").path, withDestinationPath: Self.digits)
    try folder.write(Self.net("scale: 0.00390625 mean_value: 3 crop_size: 20"), "model.txt")
    try folder.write("zero\none\ntwo\n", "digits_labels.txt")
    try folder.write(
      "net: 'model.txt' base_lr: 0.1 lr_policy: 'fixed' max_iter: 3 random_seed: 1 "
        + "test_iter: 1 test_interval: 9", "solver.txt")
  }

  private func run(_ arguments: String) throws -> Program.Result {
    try Program.run(arguments, in: folder.url)
  }

  private func lines(_ text: String) -> [[String: Any]] {
    text.split(separator: "\n").compactMap {
      (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
    }
  }

  @Test(
    "A net for use has inputs, probabilities and the recorded transform, and nothing for training")
  func deploy() throws {
    let result = try run("deploy solver.txt -o deploy.txt --batch 4")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.out.contains("deploy.txt: data 4×1×20×20 → prob 4×10\n"))
    let (net, _) = try NetDescription.load(folder.url.appending(path: "deploy.txt").path)
    let layers = net.messages("layer")
    #expect(
      layers.map { $0.string("type") } == [
        "Input", "InnerProduct", "TanH", "InnerProduct", "Softmax",
      ])
    #expect(layers.allSatisfy { !$0.has("include") && !$0.has("param") })
    let transform = layers[0].message("transform_param")
    #expect(transform.float("scale") == 0.00390625 && transform.int("crop_size") == 20)
    #expect(transform.floats("mean_value") == [3] && !transform.has("mirror"))
    let image = layers[0].message("image_data_param")
    #expect(image.int("new_height") == 28 && image.int("new_width") == 28)
    #expect(image.has("is_color") && !image.bool("is_color"))
    #expect(try folder.text("deploy_labels.txt") == "zero\none\ntwo\n")
    #expect(try run("deploy model.txt -o deploy.txt").status == 74)
  }

  @Test("What helps training alone is left out: a head whose loss counts less, and what scores it")
  func helpers() throws {
    try folder.write(
      """
      layers { name: "d" type: DATA top: "data" top: "label" include { phase: TRAIN }
        data_param { source: "digits_lmdb" backend: LMDB batch_size: 4 scale: 0.5 crop_size: 20 } }
      layers { name: "h" type: INNER_PRODUCT bottom: "data" top: "h"
        inner_product_param { num_output: 9 weight_filler { type: "xavier" } } }
      layers { name: "a" type: INNER_PRODUCT bottom: "h" top: "a"
        inner_product_param { num_output: 10 } }
      layers { name: "al" type: SOFTMAX_LOSS bottom: "a" bottom: "label" loss_weight: 0.3 }
      layers { name: "aa" type: ACCURACY bottom: "a" bottom: "label" top: "aa" }
      layers { name: "m" type: INNER_PRODUCT bottom: "h" top: "m"
        inner_product_param { num_output: 10 } }
      layers { name: "l" type: SOFTMAX_LOSS bottom: "m" bottom: "label" }
      """, "old.prototxt")
    let result = try run("deploy old.prototxt -o deploy.prototxt")
    #expect(result.status == 0, "\(result.errors)")
    let (net, _) = try NetDescription.load(folder.url.appending(path: "deploy.prototxt").path)
    let layers = net.messages("layer")
    #expect(layers.map { $0.string("name") } == ["data", "h", "m", "prob"])
    #expect(layers[0].message("transform_param").float("scale") == 0.5)
    #expect(!layers[1].message("inner_product_param").has("weight_filler"))
  }

  @Test(
    "Images get the same classes by the net to train and by that for use, and as many as asked for")
  func predict() throws {
    #expect(try run("train solver.txt --log quiet").status == 0)
    #expect(try run("deploy model.txt -o deploy.txt").status == 0)
    #expect(try run("db export digits_lmdb images --count 5").status == 0)
    let first = try run("predict model.txt images --json --top 3 --batch 2")
    #expect(first.status == 0, "\(first.errors)")
    let second = try run(
      "predict deploy.txt images --json --top 3 --batch 2 --weights solver_iter_3.caffemodel")
    #expect(first.out == second.out && first.out != "", "\(second.errors)")
    let objects = lines(first.out)
    #expect(objects.count == 5)
    let classes = try #require(objects.first?["classes"] as? [[String: Any]])
    #expect(classes.count == 3)
    let scores = classes.compactMap { $0["score"] as? Double }
    #expect(scores == scores.sorted(by: >) && scores.reduce(0, +) <= 1)
    let names = objects.flatMap { $0["classes"] as? [[String: Any]] ?? [] }
    #expect(
      names.allSatisfy { item in
        guard let number = item["class"] as? Int else { return false }
        return item["label"] as? String == (number < 3 ? ["zero", "one", "two"][number] : nil)
      })
    #expect(
      first.errors.contains("resized to 28×28; grey; less 3; times 0.00390625; the middle 20×20"))
  }

  @Test("Images that cannot be read are all told, the others are done, and the exit code is 1")
  func unreadable() throws {
    #expect(try run("train solver.txt --log quiet").status == 0)
    #expect(try run("db export digits_lmdb images --count 2").status == 0)
    try folder.write("no image", "bad.png")
    let result = try run("predict model.txt missing.png images bad.png --csv --top 1")
    #expect(result.status == 1)
    #expect(result.out.split(separator: "\n").count == 3)
    #expect(result.out.hasPrefix("image,rank,class,label,score\nimages/"))
    #expect(result.errors.contains("missing.png: error: there is no such file"))
    #expect(result.errors.contains("bad.png: error: "))
    #expect(result.errors.contains("2 of 4 images done"))
    let list = try run("predict model.txt model.txt")
    #expect(list.status == 1)
    #expect(list.errors.contains("is a net or a solver, not a list of images"))
  }

  @Test(
    "Ten pieces of an image count as one, by the mean of their scores"
  )
  func tenCrop() throws {
    #expect(try run("train solver.txt --log quiet").status == 0)
    #expect(try run("db export digits_lmdb images --count 3").status == 0)
    let result = try run("predict model.txt images --ten-crop --json --top 10")
    #expect(result.status == 0, "\(result.errors)")
    let objects = lines(result.out)
    #expect(objects.count == 3)
    for object in objects {
      let classes = try #require(object["classes"] as? [[String: Any]])
      let sum = classes.compactMap { $0["score"] as? Double }.reduce(0, +)
      #expect(abs(sum - 1) < 1e-5)
    }
  }

  @Test(
    "A self-test finds no drift of the net made from the test net, and tells what another lacks")
  func selfTest() throws {
    #expect(try run("train solver.txt --log quiet").status == 0)
    let same = try run("predict model.txt --self-test 20 --json")
    #expect(same.status == 0, "\(same.errors)")
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(same.out.utf8)) as? [String: Any])
    #expect(object["drift"] as? Bool == false && object["samples"] as? Int == 20)
    #expect(try run("deploy model.txt -o deploy.txt").status == 0)
    let drift = try run(
      "predict deploy.txt --against model.txt --weights solver_iter_3.caffemodel --self-test 9 "
        + "--scale 1")
    #expect(drift.status == 1)
    #expect(drift.out.contains("scale: 0.00390625 times as large"), "\(drift.out)\(drift.errors)")
  }
}
