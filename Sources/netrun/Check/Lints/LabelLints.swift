import Layers
import Nets
import Prototxt
import Schema

/// Lints about the labels of data, which are read only if that is asked for.
extension Lint {
  static let unusedOutputs = Lint(
    "unused-outputs",
    summary: "labels for training that end below the number of outputs (with --data)",
    reason: "outputs that no label stands for only learn to be small",
    remedy: "set num_output to the largest label and 1"
  ) { subject in
    (subject.labels ?? []).filter { $0.net.net.state.phase == .train }.compactMap { scan in
      guard scan.outside.isEmpty, let most = scan.used.keys.max(), most + 1 < scan.classes
      else { return nil }
      return Finding(
        "\(scan.net.title(scan.maker)) has \(Numbers.count(scan.classes, "output")), but labels "
          + "end at \(most)", at: scan.net.place(scan.maker))
    }
  }

  static let sortedLabels = Lint(
    "sorted-labels",
    summary: "records for training that are sorted by their labels (with --data)",
    reason: "a batch then has samples of few classes only, and the net forgets the others",
    remedy: "shuffle: true in data_param or image_data_param, netrun train --shuffle, or make the "
      + "data base again with netrun convert images --shuffle"
  ) { subject in
    (subject.labels ?? []).filter { $0.net.net.state.phase == .train }.compactMap { scan in
      let node = scan.net.node(scan.layer)
      let parameters = [
        "Data": "data_param", "ImageData": "image_data_param", "HDF5Data": "hdf5_data_param",
      ]
      if let field = parameters[node.spec.type], node.spec.message.message(field).bool("shuffle") {
        return nil
      }
      let batch = node.source?.batchSize ?? 1
      // Runs as long as batches, or about one run for each class.
      let isSorted =
        scan.records / (scan.changes + 1) >= batch
        || scan.changes + 1 <= 2 * scan.used.count && scan.records > 4 * scan.used.count
      guard scan.used.count > 1, batch > 1, scan.records > 2 * batch, isSorted else { return nil }
      return Finding(
        "labels change only \(Numbers.count(scan.changes, "time")) in "
          + "\(Numbers.count(scan.records, "record")), so batches of \(batch) hold few classes",
        at: scan.place)
    }
  }

  static let rareClasses = Lint(
    "rare-classes", .hint,
    summary: "classes with less than a tenth of the records of the most frequent one (with --data)",
    reason: "the net may get far by never naming them; accuracy does not show it",
    remedy: "look at each class by itself, or give them weight: loss_param { class_weighting: … }"
  ) { subject in
    (subject.labels ?? []).filter { $0.net.net.state.phase == .train }.compactMap { scan in
      let most = scan.used.values.max() ?? 0
      let rare = scan.used.filter { $0.value * 10 < most }.keys.sorted()
      guard !rare.isEmpty else { return nil }
      let names = rare.prefix(5).map(String.init).joined(separator: ", ")
      return Finding(
        "\(Numbers.count(rare.count, "class", plural: "classes")) (\(names)"
          + "\(rare.count > 5 ? ", …" : "")) with less than a tenth of the records of another",
        at: scan.place)
    }
  }
}
