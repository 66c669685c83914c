package gluesecure.guard;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Predicate;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/**
 * A queue of events, one JSON object a line. The newest are in memory; others are in compressed files in the
 * directory for temporary files, each of {@link #SEGMENT} events. Only the user of the process can read them.
 */
final class Events {
    /** Events in memory, and in a file. Python takes as many at a time: {@code MANY_EVENTS}. */
    static final int SEGMENT = 10_000;
    /** Events that are kept in memory if no file can be written. More are dropped and counted. */
    static final int LIMIT = 1_000_000;

    private static final String FOLDER = System.getProperty("java.io.tmpdir");

    /** Events that were taken and could not be sent. They are older than all others. */
    private final Deque<List<String>> putBack = new ArrayDeque<>();
    private final Object sending = new Object();
    private final Deque<Path> files = new ArrayDeque<>();
    private List<String> recent = new ArrayList<>();
    private long dropped;
    /** Why the last file could not be written. */
    private String problem = "";

    /** Adds an event, and returns the number of those in memory. */
    synchronized int add(String event) {
        if (recent.size() >= SEGMENT) {
            spill();
        }
        if (recent.size() >= LIMIT) {
            dropped++;
        } else {
            recent.add(event);
        }
        return recent.size();
    }

    /**
     * Sends all events, oldest first. One thread at a time: when this method returns, events that another thread
     * took meanwhile were received, too. Events that were not received stay the oldest.
     *
     * @param receiver returns whether it received a list of events
     */
    void send(Predicate<List<String>> receiver) {
        synchronized (sending) {
            for (List<String> events = take(); !events.isEmpty(); events = take()) {
                boolean isReceived = false;
                try {
                    isReceived = receiver.test(events);
                } finally {
                    if (!isReceived) {
                        putBack(events);
                    }
                }
                if (!isReceived) {
                    return;
                }
            }
        }
    }

    /** Puts events back that were taken last and could not be sent. */
    synchronized void putBack(List<String> events) {
        putBack.addFirst(events);
    }

    /**
     * Returns and removes the oldest events; fewer than {@link #SEGMENT} only if there are no others, if the last
     * line counts those that are missing, or if they were put back.
     */
    synchronized List<String> take() {
        if (!putBack.isEmpty()) {
            return putBack.removeFirst();
        }
        List<String> taken = recent;
        Path file = files.poll();
        if (file == null) {
            recent = new ArrayList<>();
        } else {
            taken = read(file);
        }
        if (dropped > 0) {
            taken.add(incomplete(dropped + " receipts were dropped: no file in " + FOLDER + ": " + problem));
            dropped = 0;
        }
        return taken;
    }

    private void spill() {
        Path file = null;
        try {
            file = Files.createTempFile("glue-secure-receipts-", ".gz");
            file.toFile().deleteOnExit();
            try (Writer writer = new BufferedWriter(new OutputStreamWriter(
                    new GZIPOutputStream(Files.newOutputStream(file)), StandardCharsets.UTF_8))) {
                for (String event : recent) {
                    writer.write(event);
                    writer.write('\n');
                }
            }
            files.add(file);
            recent = new ArrayList<>();
        } catch (IOException | RuntimeException error) {
            delete(file); // the events stay in memory
            problem = error.toString();
        }
    }

    private static List<String> read(Path file) {
        List<String> events = new ArrayList<>();
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(
                new GZIPInputStream(Files.newInputStream(file)), StandardCharsets.UTF_8))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                events.add(line);
            }
        } catch (IOException | RuntimeException error) {
            events.clear();
        }
        delete(file);
        int missing = SEGMENT - events.size();
        if (missing > 0) {
            events.add(incomplete(missing + " receipts could not be read from " + file));
        }
        return events;
    }

    private static void delete(Path file) {
        try {
            if (file != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException ignored) {
            // removed when the process exits
        }
    }

    private static String incomplete(String text) {
        return new Json("incomplete").put("text", text).toString();
    }
}
