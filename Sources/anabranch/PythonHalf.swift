import Foundation

/// Hands a parsed command to the Python half (`anabranch.cli`), which loads pipelines and data and speaks to the
/// coordinator as any Python client does.
///
/// The program *becomes* the interpreter: signals, standard streams and the exit status are the client's own.
enum PythonHalf {
    /// Ends in order when it is interrupted before the command has begun, and says what is missing when the interpreter has
    /// no anabranch, instead of a traceback.
    private static let entry = """
        import os, signal, sys
        def interrupted(number, frame):
            os.write(2, b"anabranch: interrupted\\n")
            os._exit(130)
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, interrupted)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT, signal.SIGTERM))
        try:
            from anabranch.cli import main
        except ImportError as error:
            print(f"anabranch: {sys.executable} cannot import anabranch.cli ({error}); "
                  "install the Python package there or name another interpreter with --python", file=sys.stderr)
            sys.exit(2)
        sys.exit(main())
        """

    /// `fields` are the flags, named as on the command line with underscores; nil ones are left out.
    static func become(_ command: String, fields: [String: Any?], python: String?) throws -> Never {
        let interpreter = try Interpreter.resolve(python)
        var request = fields.compactMapValues { $0 }
        request["command"] = command
        let document = try JSONSerialization.data(
            withJSONObject: request, options: [.sortedKeys, .withoutEscapingSlashes])
        setenv("ANABRANCH_BINARY", Interpreter.ownPath, 1)
        // Stale .pyc files make every import of scikit-learn several seconds slower.
        unsetenv("PYTHONDONTWRITEBYTECODE")
        let arguments = [interpreter, "-c", entry, "--request", String(decoding: document, as: UTF8.self)]
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        pointers.append(nil)
        InterruptSignal.hold()
        execv(interpreter, pointers)
        throw CommandFailure(.wrongRequest, "cannot start \(interpreter): \(String(cString: strerror(errno)))")
    }
}
