import ArgumentParser

struct SubmitCommand: ParsableCommand, Encodable {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Submit a pipeline to a standing coordinator and print the run's id.",
        discussion: """
            Example: anabranch submit pipeline.py:graph --data flights.parquet --target late --address tcp://127.0.0.1:7700 --wait
            """)

    @OptionGroup var pipeline: PipelineOptions
    @OptionGroup var coordinator: AddressOptions

    @Flag(help: "Follow the run to its end; the exit status is the run's.")
    var wait = false

    func run() throws {
        try PythonHalf.become(self, command: "submit", python: pipeline.python)
    }

    func encode(to encoder: any Encoder) throws {
        try pipeline.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(coordinator.required(), forKey: .address)
        try container.encode(wait, forKey: .wait)
    }

    private enum CodingKeys: String, CodingKey { case address, wait }
}
