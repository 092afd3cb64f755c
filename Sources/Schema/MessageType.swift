internal import CCaffeSchema

/// A kind of message of `caffe.proto`: its name and its fields.
///
/// protoc-c describes every message in C; the descriptions are read once, when the first of them
/// is asked for, and text, binary and typed access all go by them, so that they cannot disagree.
public final class MessageType: Sendable {
  /// The name, without the package: `LayerParameter`.
  public let name: String
  /// The fields, in the order of their numbers.
  public let fields: [FieldType]
  private let indexByName: [String: Int]
  private let indexByNumber: [Int: Int]

  init(name: String, fields: [FieldType]) {
    self.name = name
    self.fields = fields
    indexByName = Dictionary(uniqueKeysWithValues: fields.map { ($0.name, $0.index) })
    indexByNumber = Dictionary(uniqueKeysWithValues: fields.map { ($0.number, $0.index) })
  }

  /// The field of a name.
  public func field(named name: String) -> FieldType? {
    indexByName[name].map { fields[$0] }
  }

  /// The field of a number.
  public func field(number: Int) -> FieldType? {
    indexByNumber[number].map { fields[$0] }
  }

  /// The message of a name, such as `LayerParameter`.
  public static func named(_ name: String) -> MessageType? {
    Schema.shared.messages[name]
  }

  /// All messages, ordered by name.
  public static var all: [MessageType] {
    Schema.shared.messages.values.sorted { $0.name < $1.name }
  }

  /// A network.
  public static let net = Schema.message("NetParameter")
  /// A layer.
  public static let layer = Schema.message("LayerParameter")
  /// How to train.
  public static let solver = Schema.message("SolverParameter")
  /// What a solver needs to go on.
  public static let solverState = Schema.message("SolverState")
  /// A blob.
  public static let blob = Schema.message("BlobProto")
  /// A record of a data base.
  public static let datum = Schema.message("Datum")
}

extension MessageType: Hashable {
  /// There is one object for each kind.
  public static func == (a: MessageType, b: MessageType) -> Bool { a === b }

  /// Hashes the object's identity.
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// An enum of `caffe.proto`.
public final class EnumType: Sendable {
  /// The name, without the message it is declared in: `PoolMethod`.
  public let name: String
  /// The values, in the order of their numbers.
  public let values: [(name: String, number: Int32)]

  init(name: String, values: [(name: String, number: Int32)]) {
    self.name = name
    self.values = values
  }

  /// The number of a name.
  public func number(named name: String) -> Int32? {
    values.first { $0.name == name }?.number
  }

  /// The name of a number.
  public func name(of number: Int32) -> String? {
    values.first { $0.number == number }?.name
  }
}

/// A field of a message.
public struct FieldType: Sendable {
  /// How often the field may be there.
  public enum Label: Sendable {
    case optional, required, repeated
  }

  /// What the field holds.
  public enum Kind: Sendable {
    case bool, int32, int64, uint32, uint64, float, double, string, bytes
    case enumeration(EnumType)
    case message(MessageType)
  }

  /// The name, as text files have it.
  public let name: String
  /// The number, as binary files have it.
  public let number: Int
  /// The place among the message's fields.
  public let index: Int
  /// How often the field may be there.
  public let label: Label
  /// What it holds.
  public let kind: Kind
  /// Whether binary files hold all values in one piece.
  public let isPacked: Bool
  /// The value if none is set, zero if the schema names none; `nil` for messages.
  public let defaultValue: Value?
  /// Whether the schema names the default.
  public let hasExplicitDefault: Bool

  /// Whether the field holds any number of values.
  public var isRepeated: Bool { label == .repeated }
}
