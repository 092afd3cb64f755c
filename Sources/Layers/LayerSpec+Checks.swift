public import Compute
public import Prototxt
import Schema

extension LayerSpec {
  /// The most values that a blob may have in Caffe, and the largest size that a field may give.
  static let largestSize = Int(Int32.max)

  /// Checks a size that a field gives.
  ///
  /// - Throws: a diagnostic at the field if it is below `least`, which is 0 or 1, or too large.
  func checkSize(_ value: Int, _ field: String, least: Int, at location: SourceRange?) throws {
    guard value >= least else {
      let wanted = least == 0 ? "be 0 or more" : "be above 0"
      throw error("\(field) is \(value), but must \(wanted)", at: location)
    }
    guard value <= LayerSpec.largestSize else {
      throw error(
        "\(field) is \(value), but sizes end at \(LayerSpec.largestSize)", at: location)
    }
  }

  /// Checks that no blob of the sizes would have more values than Caffe allows, even if an axis that
  /// is empty now had one.
  ///
  /// - Throws: a diagnostic about `what` if one would.
  func checkCount(_ sizes: [Int], _ what: String, at location: SourceRange?) throws {
    guard let shape = Shape.checked(sizes.map { $0 == 0 ? 1 : $0 }),
      shape.count <= LayerSpec.largestSize
    else {
      throw error(
        "\(what) of \(sizes.map(String.init).joined(separator: "×")) would have more than "
          + "\(LayerSpec.largestSize) values", at: location,
        help: "choose smaller sizes, or more groups")
    }
  }

  /// Checks that a blob has no more values than Caffe allows, and fits in the machine's memory.
  ///
  /// - Throws: a diagnostic about `what`, such as "top 'x'".
  public func checkSize(of shape: Shape, _ what: String, at location: SourceRange?) throws {
    let largest = LayerSpec.largestSize
    guard let checked = Shape.checked(shape.dimensions), checked.count <= largest else {
      throw error(
        "\(what) would be \(shape.display): more than the \(largest) values that a blob may have",
        at: location, help: "choose a smaller batch or smaller sizes")
    }
    guard shape.count <= Memory.physicalFloats else {
      let bytes = shape.count * MemoryLayout<Float>.stride
      throw error(
        "\(what) would be \(shape.display): that is \(Memory.text(bytes: bytes)), but the machine "
          + "has \(Memory.text(bytes: Memory.physicalBytes)) of memory",
        at: location, help: "choose a smaller batch or smaller sizes")
    }
  }

  /// Refuses a transformation, for a layer whose data come as they are.
  func refuseTransform(help: String) throws {
    guard message.has("transform_param") else { return }
    throw error(
      "takes no transform_param: its data come as they are",
      at: message.location("transform_param"), help: help)
  }

  /// Refuses a top that is a bottom, for a layer that reads its bottom after it has begun to write.
  func refuseInPlace(why: String) throws {
    let bottoms = bottoms
    guard let index = tops.firstIndex(where: bottoms.contains) else { return }
    throw error(
      "cannot work in place: top '\(tops[index])' is its own bottom, and \(why)",
      at: message.location("top", index), help: "give the top a name of its own")
  }
}

extension Diagnostics {
  /// Runs a step; if it fails by what is wrong with the net, keeps that and goes on.
  mutating func keeping<Result>(_ step: () throws -> Result) rethrows -> Result? {
    do {
      return try step()
    } catch let error as Diagnostic {
      append(error)
    } catch let error as Diagnostics {
      all += error.all
    }
    return nil
  }
}
