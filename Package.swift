// swift-tools-version: 6.1
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A Swift target of the table in docs/architecture.md, where what each may import is explained.
func target(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(
  _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swiftSettings)
}

let package = Package(
  name: "netrun",
  products: [
    .executable(name: "netrun", targets: ["netrun"]),
    .library(name: "NetRun", targets: ["NetRun"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CCaffeSchema", dependencies: ["CProtobufC"], exclude: ["caffe.proto"]),
    .target(
      name: "CKernels", linkerSettings: [.linkedLibrary("m")]),
    target("Prototxt", []),
    target("Schema", ["Prototxt", "CCaffeSchema", "CProtobufC"]),
    target("Compute", ["CKernels", "COpenBLAS"]),
    target("Datasets", ["Schema", "Compute", "CLMDB", "CZlib"]),
    target("Layers", ["Compute", "CKernels", "Schema", "Datasets"]),
    target("Nets", ["Layers", "CKernels"]),
    target("Solvers", ["Nets"]),
    target("NetRun", ["Solvers"]),
    .executableTarget(
      name: "netrun",
      dependencies: [
        "Solvers", "Datasets",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "TestSupport", dependencies: ["Solvers"], path: "Tests/TestSupport",
      swiftSettings: swiftSettings),
    tests("PrototxtTests", ["Prototxt", "TestSupport"]),
    tests("SchemaTests", ["Schema", "TestSupport"]),
    tests("ComputeTests", ["Compute", "CKernels", "TestSupport"]),
    tests("DatasetsTests", ["Datasets", "TestSupport"]),
    tests("LayersTests", ["Layers", "TestSupport"]),
    tests("NetsTests", ["Nets", "TestSupport"]),
    tests("SolversTests", ["Solvers", "TestSupport"]),
    tests("GoldenTests", ["Solvers", "TestSupport"]),
    tests("CommandTests", ["TestSupport"]),
    tests("ArchitectureTests", ["TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
