import ArgumentParser

struct SubmitCommand: ParsableCommand {
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

    func validate() throws {
        for (flag, file) in [("--trace", pipeline.trace), ("--out", pipeline.out)] where file != nil && !wait {
            throw ValidationError("\(flag) is written at the run's end: add --wait")
        }
    }

    func run() throws {
        _ = try coordinator.keys()
        try PythonHalf.become(
            "submit", fields: pipeline.fields.merging(["address": try coordinator.required(), "wait": wait]) { $1 },
            python: pipeline.python)
    }
}
