// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "netrun-benchmarks",
  dependencies: [.package(name: "netrun", path: "..")],
  targets: [
    .executableTarget(name: "records", dependencies: [.product(name: "NetRun", package: "netrun")]),
  ],
  swiftLanguageModes: [.v6]
)
