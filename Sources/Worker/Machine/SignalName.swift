/// Names of the signals that end a runtime, as `kill -l` has them.
enum SignalName {
    static func of(_ signal: Int32) -> String {
        switch signal {
        case 4: "SIGILL"
        case 6: "SIGABRT"
        case 7: "SIGBUS"
        case 8: "SIGFPE"
        case 9: "SIGKILL, by hand or by the kernel for lack of memory"
        case 11: "SIGSEGV"
        case 15: "SIGTERM"
        default: "signal \(signal)"
        }
    }
}
