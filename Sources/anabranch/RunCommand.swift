import ArgumentParser

struct RunCommand: ParsableCommand {
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
        try PythonHalf.become(
            "run", fields: pipeline.fields.merging(["slots": slots, "store_budget": storeBudget]) { $1 },
            python: pipeline.python)
    }
}
