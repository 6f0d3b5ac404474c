import ArgumentParser

struct ResultsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "results",
        abstract: "Print a run's table: keys, scores, seconds, errors.",
        discussion: "Example: anabranch results 3 --json --address tcp://127.0.0.1:7700")

    @Argument(help: "The run's id.")
    var runID: UInt64

    @OptionGroup var coordinator: AddressOptions

    @Flag(help: "Print one JSON document on standard output, and nothing else there.")
    var json = false

    @Option(help: "The interpreter of the Python half.")
    var python: String?

    func run() throws {
        _ = try coordinator.keys()
        try PythonHalf.become(
            "results", fields: ["run": runID, "address": try coordinator.required(), "json": json], python: python)
    }
}
