import Glibc

/// A place that takes text: a stream of the process, or a string in tests.
protocol TextSink: AnyObject {
  /// Takes a text as it is; lines bring their own ends.
  func write(_ text: String)
}

/// A file descriptor that is written without delay.
///
/// When the reader has gone (`netrun layers | head -1`), the rest is dropped: the work goes on,
/// since a training run is worth more than its log.
final class DescriptorSink: TextSink {
  private let descriptor: Int32
  private(set) var isClosed = false
  /// The system's code if writing failed for another reason than a reader that has gone.
  private(set) var failure: Int32?

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
  }

  func write(_ text: String) {
    guard !isClosed else { return }
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
        if count >= 0 {
          rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        } else if errno == EAGAIN {
          var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&waiting, 1, 1000)
        } else if errno != EINTR {
          if errno != EPIPE { failure = errno }
          isClosed = true
          return
        }
      }
    }
  }
}

/// Keeps what is written.
final class StringSink: TextSink {
  private(set) var text = ""

  func write(_ text: String) {
    self.text += text
  }
}

/// The two streams of a command, and what they are connected to.
///
/// Results go to `out`; all that is said about the work, and errors, to `chatter`.
struct Console {
  let out: any TextSink
  let chatter: any TextSink
  let outTerminal: Terminal?
  let chatterTerminal: Terminal?

  /// The process's own streams.
  static func standard() -> Console {
    Console(
      out: DescriptorSink(STDOUT_FILENO), chatter: DescriptorSink(STDERR_FILENO),
      outTerminal: Terminal(STDOUT_FILENO), chatterTerminal: Terminal(STDERR_FILENO))
  }

  /// How text looks on `out`.
  var outStyle: Style { Style(isOn: outTerminal?.hasColors ?? false) }
  /// How text looks on `chatter`.
  var chatterStyle: Style { Style(isOn: chatterTerminal?.hasColors ?? false) }

  /// Writes a line of results.
  func print(_ line: String) { out.write(line + "\n") }

  /// Says something about the work.
  func remark(_ text: String) {
    chatter.write("\(chatterStyle.note("note:")) \(text)\n")
  }
}
