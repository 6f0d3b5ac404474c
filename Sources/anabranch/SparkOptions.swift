import AnabranchCore
import ArgumentParser

/// Of the session that a worker with `--executor spark` keeps.
struct SparkOptions: ParsableArguments {
    /// A stage occupies its slot while the session's own threads work: two keep the session busy between stages.
    static let slots = 2

    @Option(
        help: "The session's master, local[2] or spark://HOST:PORT; all cores of this host (local[*]) when not given.")
    var sparkMaster: String?

    @Option(help: "K=V of Spark's configuration; may be given several times.")
    var sparkConf: [String] = []

    @Option(help: "Memory of the session's JVM (suffixes M, G).")
    var sparkMemory: String?

    @Option(help: "Seconds without a task after which the session's JVM ends; the next task starts another.")
    var sparkIdle: Double?

    var master: String { sparkMaster ?? "local[*]" }
    var memory: String { sparkMemory ?? "1G" }

    /// What status says of the worker.
    var labels: [String] { ["spark-master=\(master)", "spark-memory=\(memory)"] }

    func validate() throws {
        if let sparkMemory, ByteCount(parsing: sparkMemory).map({ $0.bytes < 1 << 20 }) ?? true {
            throw ValidationError("--spark-memory \(sparkMemory): write a number with M or G, at least 1M")
        }
        if let sparkIdle, !(0...1e9).contains(sparkIdle) {
            throw ValidationError("--spark-idle \(sparkIdle): seconds from 0 are needed")
        }
        for pair in sparkConf where !pair.contains("=") { throw ValidationError("--spark-conf \(pair): write K=V") }
    }

    /// As the keeper takes them.
    var arguments: [String] {
        let bytes = ByteCount(parsing: memory)?.bytes ?? 1 << 30
        return ["--master", master, "--memory", "\(bytes >> 20)m", "--idle", "\(sparkIdle ?? 300)"]
            + sparkConf.flatMap { ["--conf", $0] }
    }
}
