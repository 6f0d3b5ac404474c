import ArgumentParser

struct ResultsCommand: ParsableCommand, Encodable {
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
        try PythonHalf.become(self, command: "results", python: python)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(runID, forKey: .run)
        try container.encode(coordinator.required(), forKey: .address)
        try container.encode(json, forKey: .json)
    }

    private enum CodingKeys: String, CodingKey { case run, address, json }
}
