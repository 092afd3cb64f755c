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
    .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
    .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"])]),
    .target(name: "CImages", dependencies: ["CPNG", "CJPEG"]),
    .target(name: "CCaffeSchema", dependencies: ["CProtobufC"], exclude: ["caffe.proto"]),
    .target(
      name: "CKernels", linkerSettings: [.linkedLibrary("m")]),
    // libhdf5 is loaded at run time; only its headers are needed here.
    .target(name: "CHDF5"),
    target("Prototxt", []),
    target("HDF5", ["Prototxt", "CHDF5"]),
    target("Schema", ["Prototxt", "HDF5", "CCaffeSchema", "CProtobufC"]),
    target("Compute", ["CKernels", "COpenBLAS"]),
    target("Datasets", ["Schema", "HDF5", "Compute", "CKernels", "CLMDB", "CZlib", "CImages"]),
    target("Layers", ["Compute", "CKernels", "Schema", "HDF5", "Datasets"]),
    target("Nets", ["Layers", "CKernels"]),
    target("Solvers", ["Nets", "CKernels"]),
    target("NetRun", ["Solvers"]),
    target("Pictures", []),
    .executableTarget(
      name: "netrun",
      dependencies: [
        "Solvers", "Nets", "Layers", "Datasets", "Compute", "Schema", "HDF5", "Prototxt",
        "Pictures", "CLMDB", "CProtobufC", "CZlib",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: swiftSettings),
    .target(
      name: "TestSupport", dependencies: ["Solvers"], path: "Tests/TestSupport",
      swiftSettings: swiftSettings),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    tests("PrototxtTests", ["Prototxt", "TestSupport"]),
    tests("SchemaTests", ["Schema", "HDF5", "TestSupport"]),
    tests("ComputeTests", ["Compute", "CKernels", "TestSupport"]),
    tests(
      "DatasetsTests",
      ["Datasets", "Nets", "HDF5", "CKernels", "CLMDB", "CZlib", "TestSupport"],
      exclude: ["Windows"]),
    tests("LayersTests", ["Layers", "TestSupport"]),
    tests("NetsTests", ["Nets", "CAllocations", "TestSupport"]),
    tests("SolversTests", ["Solvers", "CAllocations", "TestSupport"]),
    tests("GoldenTests", ["Solvers", "TestSupport"]),
    tests("PicturesTests", ["Pictures"]),
    tests("CommandTests", ["netrun", "TestSupport"]),
    tests("ArchitectureTests", ["TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
