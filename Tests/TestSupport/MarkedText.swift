/// A text in which 1️⃣, 2️⃣ and so on show the places that messages must point at.
public struct MarkedText: Sendable {
  /// The text without the marks.
  public let text: String
  /// The byte offsets of the marks, the first's first.
  public let offsets: [Int]

  /// Takes the marks out of a text.
  public init(_ marked: String) {
    var text = ""
    var offsets: [Int: Int] = [:]
    for character in marked {
      let scalars = Array(character.unicodeScalars)
      if scalars.count == 3, scalars[2] == "\u{20e3}", let number = Int(String(scalars[0])) {
        offsets[number] = text.utf8.count
      } else {
        text.append(character)
      }
    }
    self.text = text
    self.offsets = offsets.sorted { $0.key < $1.key }.map(\.value)
  }
}
