internal import CHDF5
public import Prototxt

extension HDF5File {
  /// Makes a group in one that is there.
  public func makeGroup(_ name: String) throws(Diagnostic) {
    try writing { nh_make_group($0, name, &$1) }
  }

  /// Writes a data set of floats.
  public func write(
    _ name: String, shape: [Int], values: UnsafePointer<Float>
  ) throws(Diagnostic) {
    let sizes = shape.map(UInt64.init)
    try writing { nh_write_floats($0, name, Int32(sizes.count), sizes, values, &$1) }
  }

  /// Writes a data set of one whole number.
  public func write(_ name: String, integer: Int) throws(Diagnostic) {
    try writing { nh_write_integer($0, name, Int32(clamping: integer), &$1) }
  }

  /// Writes a data set of one text.
  public func write(_ name: String, text: String) throws(Diagnostic) {
    try writing { nh_write_text($0, name, text, &$1) }
  }

  /// Adds rows to the end of a data set, which is made if it is not there.
  public func append(
    _ name: String, shape: [Int], values: UnsafePointer<Float>
  ) throws(Diagnostic) {
    let sizes = shape.map(UInt64.init)
    try writing { nh_append_floats($0, name, Int32(sizes.count), sizes, values, &$1) }
  }

  /// Gives what was written to the system: whoever opens the file now finds it.
  public func flush() throws(Diagnostic) {
    try writing { nh_flush($0, &$1) }
  }
}
