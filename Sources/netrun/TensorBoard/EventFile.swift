import Glibc
import Prototxt

/// A file of events, as TensorBoard reads it: records framed by their lengths and checksums.
final class EventFile {
  /// The file's path.
  let path: String
  private var descriptor: Int32

  /// Makes a new file in a folder, which is made if it is not there.
  ///
  /// - Throws: what the system says if it cannot be made.
  init(folder: String) throws(Diagnostic) {
    EventFile.makeFolder(folder)
    let now = Int(time(nil))
    var number = 0
    repeat {
      let name = "events.out.tfevents.\(now).\(EventFile.host).\(getpid()).\(number).netrun"
      let candidate = FilePath.join(folder, name)
      descriptor = open(candidate, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 {
        path = candidate
        try write(event { $0.add(3, "brain.Event:2") })
        return
      }
      number += 1
    } while errno == EEXIST && number < 100
    let code = errno
    path = folder
    throw .error(
      "no file of events can be made there: \(String(cString: strerror(code)))", path: folder,
      help: "give --tensorboard a folder that can be written", kind: .inputOutput)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Makes a folder and those around it.
  private static func makeFolder(_ folder: String) {
    var path = folder.hasPrefix("/") ? "/" : ""
    for part in folder.split(separator: "/") {
      path = FilePath.join(path, String(part))
      mkdir(path, 0o777)
    }
  }

  private static var host: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// An event of now, with what a closure adds to it.
  func event(step: Int? = nil, _ fill: (inout ProtoBytes) -> Void) -> ProtoBytes {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var event = ProtoBytes()
    event.add(1, Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9)
    if let step { event.add(2, step) }
    fill(&event)
    return event
  }

  /// Appends an event.
  func write(_ event: ProtoBytes) throws(Diagnostic) {
    let record = EventFile.record(event.bytes)
    var done = 0
    while done < record.count {
      let count = record.withUnsafeBytes { bytes in
        Glibc.write(descriptor, bytes.baseAddress.map { $0 + done }, record.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw .error(
          "cannot be written: \(String(cString: strerror(errno)))", path: path,
          kind: .inputOutput)
      }
      done += count
    }
  }

  /// A record: the length, its checksum, the bytes, their checksum.
  static func record(_ bytes: [UInt8]) -> [UInt8] {
    let length = little(UInt64(bytes.count))
    return length + little(CRC32C.masked(length)) + bytes + little(CRC32C.masked(bytes))
  }

  private static func little<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

/// The checksum of Castagnoli's polynomial.
enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in
      value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1
    }
  }

  /// The checksum of bytes.
  static func sum(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ sum >> 8 }
  }

  /// The checksum as record files hold it, which may be checksummed themselves.
  static func masked(_ bytes: [UInt8]) -> UInt32 {
    let sum = sum(bytes)
    return (sum >> 15 | sum << 17) &+ 0xa282_ead8
  }
}
