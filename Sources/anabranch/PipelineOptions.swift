import ArgumentParser

/// What `run`, `submit` and `graph` have in common: a pipeline, its data, and what to do with them.
struct PipelineOptions: ParsableArguments {
    @Argument(help: "FILE[:OBJECT]: a Python file or module with a pipeline, or a YAML file.")
    var file: String

    @Option(help: "CSV, Parquet, Arrow IPC or NumPy file; a directory of them is a list of partitions.")
    var data: String?

    @Option(help: "Column that holds y.")
    var target: String?

    @Option(help: "Cut the rows into this many partitions.")
    var partitions: Int?

    @Option(help: "One partition per value of this column.")
    var by: String?

    @Option(help: "fit, score, predict or transform; fit when not given, with the folds of the file if it has any.")
    var mode: String?

    @Option(help: "Cross validate with this many folds, instead of --mode.")
    var cv: Int?

    @Option(help: "Scorers, by scikit-learn's names, separated by commas.")
    var scoring: String?

    @Option(help: "Models for score, predict and transform: a run of this coordinator, or a saved path.")
    var model: String?

    @Option(help: "Directory for the table of scores, predictions, saved paths, the graph's picture and the log.")
    var out: String?

    @Option(help: "Write the run's timeline to this file, in the Chrome trace format (Perfetto, chrome://tracing).")
    var trace: String?

    @Option(help: "Seeds whatever is unseeded.")
    var seed: UInt64?

    @Option(help: "After a failed key: continue or stop.")
    var onError: String = "continue"

    @Flag(help: "Print one JSON document on standard output, and nothing else there.")
    var json = false

    @Flag(help: "Show no progress.")
    var quiet = false

    @Option(help: "The interpreter that loads the pipeline and runs its nodes.")
    var python: String?

    func validate() throws {
        if let partitions, partitions < 1 { throw ValidationError("--partitions \(partitions): at least 1 is needed") }
        if partitions != nil && by != nil { throw ValidationError("give --partitions or --by, not both") }
        if let cv, cv < 2 { throw ValidationError("--cv \(cv): at least 2 folds are needed") }
        if let mode, !["fit", "train", "score", "predict", "transform"].contains(mode) {
            throw ValidationError("--mode \(mode): use fit, score, predict or transform")
        }
        if !["continue", "stop"].contains(onError) {
            throw ValidationError("--on-error \(onError): use continue or stop")
        }
        if let mode, ["score", "predict", "transform"].contains(mode) && model == nil && cv == nil {
            throw ValidationError("--mode \(mode) needs fitted models: name a run or a saved path with --model")
        }
    }

    /// The flags as the Python half takes them.
    var fields: [String: Any?] {
        [
            "file": file, "data": data, "target": target, "partitions": partitions, "by": by, "mode": mode, "cv": cv,
            "scoring": scoring, "model": model, "out": out, "seed": seed, "on_error": onError, "json": json,
            "quiet": quiet, "trace": trace,
        ]
    }
}
