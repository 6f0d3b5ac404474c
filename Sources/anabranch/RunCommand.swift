import ArgumentParser

struct RunCommand: ParsableCommand, Encodable {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a pipeline here, on workers that live as long as the command.",
        discussion: """
            Example: anabranch run examples/late_flights.yaml --data flights.csv --target late --cv 5 --out results
            """)

    @OptionGroup var pipeline: PipelineOptions

    @Option(help: "Tasks at a time; as many as there are cores when not given.")
    var slots: Int?

    @Option(help: "Bytes that the store may take (suffixes K, M, G).")
    var storeBudget: String?

    func validate() throws {
        if let slots, slots < 1 { throw ValidationError("--slots \(slots): at least 1 is needed") }
    }

    func run() throws {
        try PythonHalf.become(self, command: "run", python: pipeline.python)
    }

    func encode(to encoder: any Encoder) throws {
        try pipeline.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(slots, forKey: .slots)
        try container.encodeIfPresent(storeBudget, forKey: .storeBudget)
    }

    private enum CodingKeys: String, CodingKey { case slots, storeBudget }
}
