// swift-tools-version: 6.1
import PackageDescription

// Arrows run one way: anabranch -> Coordinator, Worker -> Wire, ObjectStore, Scheduling -> PipelineGraph
// -> AnabranchCore.
// The two shells never import each other; only Wire (and what trips over sanitizers) sees libzmq and protobuf-c.

/// Pure modules and shells alike: warnings are errors.
let strict: [SwiftSetting] = [
    .unsafeFlags(["-warnings-as-errors"]),
    .enableUpcomingFeature("ExistentialAny"),
]

let package = Package(
    name: "anabranch",
    products: [
        .executable(name: "anabranch", targets: ["anabranch"]),
        // For a worker program with native functions of one's own.
        .library(name: "AnabranchWorker", targets: ["Worker"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .systemLibrary(
            name: "CZeroMQ", pkgConfig: "libzmq", providers: [.apt(["libzmq3-dev"])]),
        .systemLibrary(
            name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
        .target(name: "CMessages", dependencies: ["CProtobufC"]),
        // Starting processes: what glibc hides behind _GNU_SOURCE.
        .target(name: "CProcess"),
        .target(name: "AnabranchCore", swiftSettings: strict),
        .target(
            name: "PipelineGraph",
            dependencies: [
                "AnabranchCore",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .target(
            name: "Scheduling",
            dependencies: [
                "AnabranchCore", "PipelineGraph",
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "OrderedCollections", package: "swift-collections"),
            ],
            swiftSettings: strict),
        .target(name: "ObjectStore", dependencies: ["AnabranchCore"], swiftSettings: strict),
        .target(
            name: "Wire",
            dependencies: ["AnabranchCore", "PipelineGraph", "CZeroMQ", "CProtobufC", "CMessages"],
            swiftSettings: strict),
        .target(
            name: "Coordinator",
            dependencies: [
                "AnabranchCore", "PipelineGraph", "Scheduling", "Wire", "ObjectStore",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .target(
            name: "Worker",
            dependencies: [
                "AnabranchCore", "Wire", "ObjectStore", "CProcess",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: strict),
        // What the command line shows, without the terminal that shows it.
        .target(
            name: "Presentation",
            dependencies: ["AnabranchCore", "PipelineGraph", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .executableTarget(
            name: "anabranch",
            dependencies: [
                "AnabranchCore", "Coordinator", "Worker", "Wire", "ObjectStore", "PipelineGraph", "Presentation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        // Schedules and bytes in bulk, built for speed; the tests take its simulation from here.
        .executableTarget(
            name: "anabranch-stress",
            dependencies: [
                "AnabranchCore", "PipelineGraph", "Scheduling", "ObjectStore", "Wire", "Worker", "Coordinator",
                // To trip over the sanitizers in them.
                "CMessages", "CProtobufC",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/Stress", swiftSettings: strict),
        .testTarget(name: "AnabranchCoreTests", dependencies: ["AnabranchCore"], swiftSettings: strict),
        .testTarget(
            name: "PipelineGraphTests", dependencies: ["PipelineGraph", "AnabranchCore"], swiftSettings: strict),
        .testTarget(
            name: "SchedulingTests", dependencies: ["Scheduling", "PipelineGraph", "AnabranchCore"],
            swiftSettings: strict),
        .testTarget(
            name: "SimulationTests",
            dependencies: ["anabranch-stress", "Scheduling", "PipelineGraph", "AnabranchCore"],
            swiftSettings: strict),
        .testTarget(
            name: "ObjectStoreTests", dependencies: ["ObjectStore", "AnabranchCore"], exclude: ["Golden"],
            swiftSettings: strict),
        .testTarget(
            name: "WireTests", dependencies: ["anabranch-stress", "Wire", "AnabranchCore", "PipelineGraph"],
            exclude: ["Golden"],
            swiftSettings: strict),
        .testTarget(
            name: "CoordinatorTests", dependencies: ["anabranch-stress", "Coordinator", "Scheduling", "Wire"],
            swiftSettings: strict),
        .testTarget(
            name: "WorkerTests", dependencies: ["Worker", "Wire", "ObjectStore", "AnabranchCore"],
            exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "PresentationTests",
            dependencies: [
                "Presentation", "PipelineGraph", "AnabranchCore", .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),
        .testTarget(
            name: "ClusterTests", dependencies: ["Wire", "AnabranchCore", "ObjectStore"], swiftSettings: strict),
    ]
)
