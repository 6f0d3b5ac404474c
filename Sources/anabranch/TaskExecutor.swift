import ArgumentParser

/// Where a worker's tasks run.
enum TaskExecutor: String, ExpressibleByArgument, CaseIterable {
    case local, ray, spark
}
