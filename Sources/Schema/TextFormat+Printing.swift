internal import Prototxt

extension TextFormat {
  /// A message as text, in protobuf's own layout, fields in the order of their numbers.
  public static func print(_ message: Message) -> String {
    var printer = TextPrinter()
    write(message, to: &printer)
    return printer.text
  }

  private static func write(_ message: Message, to printer: inout TextPrinter) {
    for entry in message.entries {
      let field = message.type.fields[entry.index]
      for index in 0..<entry.values.count {
        write(entry.values[index], of: field, to: &printer)
      }
    }
  }

  private static func write(_ value: Value, of field: FieldType, to printer: inout TextPrinter) {
    switch value {
    case .bool(let value): printer.field(field.name, value ? "true" : "false")
    case .int(let value): printer.field(field.name, String(value))
    case .uint(let value): printer.field(field.name, String(value))
    case .float(let value): printer.field(field.name, TextPrinter.number(value))
    case .double(let value): printer.field(field.name, TextPrinter.number(value))
    case .string(let value): printer.field(field.name, string: value)
    case .bytes(let value): printer.field(field.name, bytes: value)
    case .enumeration(let number):
      var name: String?
      if case .enumeration(let type) = field.kind { name = type.name(of: number) }
      printer.field(field.name, name ?? String(number))
    case .message(let inner):
      printer.open(field.name)
      write(inner, to: &printer)
      printer.close()
    }
  }
}
