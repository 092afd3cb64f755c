public import Prototxt

/// A message of `caffe.proto`: the values of its fields, and where in a text they stand.
///
/// Fields are named as in the schema, `message.int("num_output")`; a name that the schema does not
/// have, or a type that the field does not have, is a programmer's mistake and ends the program.
public struct Message: Sendable {
  /// What kind of message it is.
  public let type: MessageType
  /// Where it stands: the name of its field in the message around it.
  public var location: SourceRange?
  /// The fields that are set, in the order of their numbers.
  private(set) var entries: [Entry] = []

  /// A field that is set.
  struct Entry: Sendable {
    let index: Int
    var values: Values
    /// Where each value stands; empty if none does.
    var locations: [SourceRange?] = []
  }

  /// An empty message.
  public init(_ type: MessageType) {
    self.type = type
  }

  /// An empty message of a kind that the schema has, such as `LayerParameter`.
  public init(_ name: String) {
    type = Schema.message(name)
  }
}

extension Message: Equatable {
  /// Whether both have the same values, wherever they stand.
  public static func == (a: Message, b: Message) -> Bool {
    a.type == b.type
      && a.entries.elementsEqual(b.entries) { $0.index == $1.index && $0.values == $1.values }
  }
}

// MARK: - Fields as such

extension Message {
  /// Whether a field is set: whether a repeated field has a value.
  public func has(_ field: String) -> Bool {
    entry(of: self.field(field)) != nil
  }

  /// How many values a field has.
  public func count(_ field: String) -> Int {
    entry(of: self.field(field))?.values.count ?? 0
  }

  /// A value of a field, or `nil` if it is not set.
  public func value(_ field: String, _ index: Int = 0) -> Value? {
    guard let values = entry(of: self.field(field))?.values, index < values.count else {
      return nil
    }
    return values[index]
  }

  /// Where a value of a field stands; if it is not set, where the message stands.
  public func location(_ field: String, _ index: Int = 0) -> SourceRange? {
    guard let locations = entry(of: self.field(field))?.locations, index < locations.count else {
      return location
    }
    return locations[index] ?? location
  }

  /// The names of the fields that are set, in the order of their numbers.
  public var setFields: [String] {
    entries.map { type.fields[$0.index].name }
  }

  /// Sets a field to one value, in place of all that it had.
  public mutating func set(_ field: String, _ value: Value, at location: SourceRange? = nil) {
    let field = self.field(field)
    remove(field)
    append(field, value, at: location)
  }

  /// Adds a value to a repeated field.
  public mutating func append(_ field: String, _ value: Value, at location: SourceRange? = nil) {
    append(self.field(field), value, at: location)
  }

  /// Takes all values of a field away.
  public mutating func clear(_ field: String) {
    remove(self.field(field))
  }

  /// A field that the schema must have.
  func field(_ name: String) -> FieldType {
    guard let field = type.field(named: name) else {
      preconditionFailure("\(type.name) has no field \(name)")
    }
    return field
  }
}

// MARK: - Storage

extension Message {
  func entry(of field: FieldType) -> Entry? {
    let place = place(of: field)
    return place < entries.count && entries[place].index == field.index ? entries[place] : nil
  }

  /// Where the entry of a field is, or would have to be put.
  private func place(of field: FieldType) -> Int {
    entries.firstIndex { $0.index >= field.index } ?? entries.count
  }

  mutating func remove(_ field: FieldType) {
    entries.removeAll { $0.index == field.index }
  }

  mutating func append(_ field: FieldType, _ value: Value, at location: SourceRange?) {
    let place = entryPlace(field)
    let isSameKind = entries[place].values.append(value)
    precondition(isSameKind, "\(type.name).\(field.name) cannot hold \(value)")
    if let location {
      let missing = entries[place].values.count - 1 - entries[place].locations.count
      entries[place].locations += [SourceRange?](repeating: nil, count: missing)
      entries[place].locations.append(location)
    }
  }

  /// Sets all values of a field at once.
  mutating func set(_ field: FieldType, values: Values, locations: [SourceRange?] = []) {
    remove(field)
    guard values.count > 0 else { return }
    let entry = Entry(index: field.index, values: values, locations: locations)
    entries.insert(entry, at: place(of: field))
  }

  /// Changes the values of a field in place.
  mutating func withValues<Result>(
    of field: FieldType, _ change: (inout Values) -> Result
  ) -> Result {
    change(&entries[entryPlace(field)].values)
  }

  private mutating func entryPlace(_ field: FieldType) -> Int {
    let place = place(of: field)
    if place == entries.count || entries[place].index != field.index {
      entries.insert(Entry(index: field.index, values: Values(field.kind)), at: place)
    }
    return place
  }
}
