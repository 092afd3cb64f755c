import Foundation
import Prototxt
import Testing

@testable import Schema

@Suite("Files of the wrong kind")
struct WrongFileTests {
  private func golden(_ name: String) -> String { Goldens.folder.appending(path: name).path }

  private func problem(_ step: () throws(Diagnostics) -> Void) -> String {
    do {
      try step()
      return ""
    } catch {
      let first = error.all.first
      return "\(first?.message ?? "") | \(first?.help ?? "") | \(first?.kind.exitCode ?? 0)"
    }
  }

  @Test("A solver where a net is wanted, and the reverse")
  func mixedUp() {
    #expect(
      problem { () throws(Diagnostics) in
        _ = try NetDescription.load(golden("solvers/sgd/solver.prototxt"))
      }
        == "this is a solver, not a net | its net is 'net.prototxt' | 65")
    #expect(
      problem { () throws(Diagnostics) in
        _ = try SolverDescription.load(golden("solvers/sgd/net.prototxt"))
      }
        == "this is a net, not a solver | give the solver, which names the net in its field 'net' | 65"
    )
  }

  @Test("Weights, texts and HDF5 files in each other's place")
  func binaries() {
    #expect(
      problem { () throws(Diagnostics) in
        _ = try SolverDescription.load(golden("solvers/sgd/init.caffemodel"))
      }.hasPrefix("is binary, not the text of a solver"))
    #expect(
      problem { () throws(Diagnostics) in
        _ = try WeightFile(path: golden("solvers/sgd/net.prototxt"))
      }
      .hasPrefix("is a text, not weights"))
    #expect(
      problem { () throws(Diagnostics) in
        _ = try SolverStateFile(path: golden("solvers/sgd/init.caffemodel"))
      }.hasPrefix("is not the state of a solver"))
    #expect(
      problem { () throws(Diagnostics) in
        _ = try WeightFile(path: golden("solvers/hdf5/expected_iter_20.solverstate.h5"))
      }.hasPrefix("is an HDF5 file without a group 'data', so it holds no weights"))
    #expect(
      problem { () throws(Diagnostics) in
        _ = try SolverStateFile(path: golden("solvers/hdf5/expected_iter_20.caffemodel.h5"))
      }.hasPrefix("is not the state of a solver"))
    #expect(
      problem { () throws(Diagnostics) in
        do throws(Diagnostic) {
          _ = try BlobFile(path: golden("solvers/hdf5/expected_iter_20.caffemodel.h5"))
        } catch { throw Diagnostics(error) }
      }.hasPrefix("is an HDF5 file, not a single blob"))
    #expect(WeightFile.isHDF5(path: golden("solvers/hdf5/expected_iter_20.caffemodel.h5")))
  }

  @Test("Files that are not there, folders and empty files")
  func missing() throws {
    #expect(
      problem { () throws(Diagnostics) in _ = try NetDescription.load("/nowhere/net.prototxt") }
        == "there is no such file |  | 66")
    #expect(
      problem { () throws(Diagnostics) in _ = try NetDescription.load("/tmp") }
        == "is a folder, not a file |  | 65")
    let empty = Goldens.temporary("empty")
    defer { unlink(empty) }
    try AtomicFile.write([], to: empty)
    #expect(
      problem { () throws(Diagnostics) in _ = try NetDescription.load(empty) } == "is empty |  | 65"
    )
    #expect(
      problem { () throws(Diagnostics) in _ = try WeightFile(path: empty) } == "is empty |  | 65")
  }

  @Test("A caffemodel can be read as a net, without its blobs")
  func caffemodelAsNet() throws {
    let net = try NetDescription.load(golden("legacy/models/v1_4d.caffemodel")).net
    #expect(net.messages("layer").allSatisfy { !$0.has("blobs") && $0.has("type") })
    #expect(net.count("layer") > 0)
  }

  @Test("Snapshots are named after the solver's file")
  func snapshotPrefix() {
    #expect(SolverDescription.snapshotPrefix("a.b/solver.prototxt") == "a.b/solver")
    #expect(SolverDescription.snapshotPrefix("a.b/solver") == "a.b/solver")
    #expect(SolverDescription.snapshotPrefix("./.hidden") == "./.hidden")
  }
}
