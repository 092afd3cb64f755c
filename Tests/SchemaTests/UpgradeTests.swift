import Foundation
import Prototxt
import Testing

@testable import Schema

@Suite("Files of earlier years")
struct UpgradeTests {
  static func path(_ name: String) -> String {
    Goldens.folder.appending(path: "legacy/upgrade/\(name).prototxt").path
  }

  @Test(
    "Nets are upgraded as Caffe's own tool does it",
    arguments: [
      "already_new", "new_with_old_input", "v0_deploy", "v0_train", "v1_train", "v1_types",
    ])
  func nets(name: String) throws {
    let (net, warnings) = try NetDescription.load(Self.path(name))
    let expected = try NetDescription.read(Self.path("\(name).upgraded")).net
    #expect(TextFormat.print(net) == TextFormat.print(expected))
    #expect(net == expected)
    #expect(warnings.isEmpty)
  }

  @Test(
    "Solvers are upgraded as Caffe's own tool does it",
    arguments: ["solver_adam", "solver_nesterov"])
  func solvers(name: String) throws {
    let solver = try SolverUpgrade(SolverDescription.read(Self.path(name)).solver).solver
    #expect(try solver == SolverDescription.read(Self.path("\(name).upgraded")).solver)
  }

  @Test("A net of today is left as it is")
  func unchanged() throws {
    let net = try NetDescription.read(Self.path("already_new")).net
    let upgrade = try NetUpgrade(net)
    #expect(upgrade.changes.isEmpty)
    #expect(upgrade.net == net)
  }

  @Test("Every golden net and solver loads")
  func all() throws {
    for path in Goldens.paths(".prototxt") {
      let isSolver = path.contains("solver") && !path.hasSuffix("net.prototxt")
      do {
        _ = isSolver ? try SolverDescription.load(path).solver : try NetDescription.load(path).net
      } catch {
        Issue.record("\(error.rendered(color: false))")
      }
    }
  }

  @Test("Upgraded fields stay where they were in the text")
  func locations() throws {
    let net = try NetDescription.load(Self.path("v0_train")).net
    let conv = net.messages("layer")[1]
    #expect(conv.location?.line == 12)
    #expect(conv.location("name")?.line == 13)
    #expect(conv.message("convolution_param").location("pad")?.line == 8)
    #expect(conv.messages("param")[1].location("lr_mult")?.line == 15)
  }
}
