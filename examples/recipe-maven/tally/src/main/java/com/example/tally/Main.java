package com.example.tally;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "tally", description = "Counts the words of its standard input.", mixinStandardHelpOptions = true)
public final class Main implements Callable<Integer> {
    @Option(names = "--top", description = "How many words to print.", defaultValue = "5")
    private int top;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        Report report = Report.of(new String(System.in.readAllBytes(), StandardCharsets.UTF_8), top);
        System.out.println(json ? report.json() : report.lines());
        return 0;
    }

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Main()).execute(arguments));
    }
}
