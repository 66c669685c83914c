package gluesecure.guard;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The Python workers of one executor, whose machine does not have the driver's files.
 *
 * <p>botocore's clients in Python processes are guarded through a folder ({@code
 * verification/child_processes.py}). This class makes the folder on the executor's machine before a task starts
 * its Python worker, marks in it that a task runs, and sends what the workers have written there to the driver
 * when a task ends. Several executors of one machine share the folder.
 */
final class PythonWorkers {
    /** The most bytes of one message. */
    private static final int CHUNK = 8 << 20;
    /** How long the end of the last task waits for S3 calls that its Python worker still makes. */
    private static final long WAIT_MS = 5_000;

    private static final Pattern NAME = Pattern.compile("\\d+-[0-9a-f]+\\.jsonl");

    private final String executor;
    private final Sender sender;
    private final Map<String, Sent> sent = new HashMap<>();
    private Path folder;
    private String policy = "";
    private int running;

    /** Sends a part of a file to the driver. */
    interface Sender {
        void send(Map<String, Object> part) throws Exception;
    }

    /** How much of a process's file was sent, and how many calls it began and ended. */
    private static final class Sent {
        long bytes;
        int begun;
        int ended;
    }

    PythonWorkers(String executor, Sender sender) {
        this.executor = executor.replaceAll("[^0-9A-Za-z]", "");
        this.sender = sender;
    }

    /**
     * Makes the folder for the policy, if a run is open, and marks that a task runs.
     *
     * @throws IOException if the folder cannot be made: workers that start now are not guarded
     */
    synchronized void taskStarted(Policy current) throws IOException {
        running++;
        Map<String, String> workers = current.workers();
        if (!current.state.equals(Policy.OPEN) || workers.isEmpty()) {
            return;
        }
        folder = Paths.get(workers.get("folder"));
        if (!policy.equals(workers.get("policy"))) {
            Files.createDirectories(folder.getParent());
            for (String name : new String[] {"", "tasks", "requests"}) {
                createPrivateDirectory(folder.resolve(name));
            }
            replace("sitecustomize.py", workers.get("sitecustomize"));
            replace("policy.json", workers.get("policy"));
            policy = workers.get("policy");
        }
        Files.write(marker(), new byte[0]);
    }

    /** Sends what the workers have written. After the last task, calls are refused until another one starts. */
    void taskEnded() {
        boolean isLast;
        synchronized (this) {
            isLast = --running == 0;
            if (folder == null) {
                return;
            }
            if (isLast) {
                marker().toFile().delete();
            }
        }
        long start = System.nanoTime();
        while (true) {
            boolean inProgress = send();
            if (!inProgress || !isLast || (System.nanoTime() - start) / 1_000_000 > WAIT_MS) {
                return;
            }
            try {
                Thread.sleep(20);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    /** Removes the folder if no other executor of the machine runs a task. */
    synchronized void shutdown() {
        if (folder == null) {
            return;
        }
        send();
        marker().toFile().delete();
        String[] others = folder.resolve("tasks").toFile().list();
        if (others != null && others.length == 0) {
            delete(folder.toFile());
        }
    }

    /** Sends the new lines of every file. Returns whether a process is in a call. */
    private synchronized boolean send() {
        boolean inProgress = false;
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> found = Files.newDirectoryStream(folder.resolve("requests"), "*.jsonl")) {
            found.forEach(files::add);
        } catch (IOException gone) {
            Guard.incomplete("the folder of the Python workers was removed: " + gone);
            return false;
        }
        for (Path file : files) {
            try {
                inProgress |= send(file);
            } catch (NoSuchFileException gone) {
                continue; // another executor of this machine has sent it
            } catch (Exception error) {
                Guard.incomplete("S3 calls of a Python worker could not be reported: " + error);
            }
        }
        return inProgress;
    }

    private boolean send(Path file) throws Exception {
        String name = file.getFileName().toString();
        if (!NAME.matcher(name).matches()) {
            return false;
        }
        // Before the file is read: what a process wrote before it ended is then in the file.
        boolean isAlive = isAlive(name.substring(0, name.indexOf('-')));
        Sent state = sent.computeIfAbsent(name, key -> new Sent());
        try (RandomAccessFile content = new RandomAccessFile(file.toFile(), "r")) {
            while (state.bytes < content.length()) {
                byte[] bytes = new byte[(int) Math.min(CHUNK, content.length() - state.bytes)];
                content.seek(state.bytes);
                content.readFully(bytes);
                post(name, state.bytes, bytes);
                String text = new String(bytes, StandardCharsets.ISO_8859_1);
                state.begun += count(text, "\"begin\":");
                state.ended += count(text, "\"end\":");
                state.bytes += bytes.length;
            }
        }
        if (isAlive) {
            return state.begun > state.ended;
        }
        post(name, state.bytes, "{\"gone\": true}\n".getBytes(StandardCharsets.US_ASCII));
        Files.deleteIfExists(file);
        sent.remove(name);
        return false;
    }

    private void post(String name, long offset, byte[] bytes) throws Exception {
        Map<String, Object> part = new HashMap<>();
        part.put("name", name.replace(".jsonl", "-" + executor + ".jsonl"));
        part.put("offset", offset);
        part.put("bytes", bytes);
        sender.send(part);
    }

    /** Writes a part of a worker's file into the driver's folder. The driver's plugin calls it. */
    static void receive(Map<?, ?> part, Policy current) throws IOException {
        String directory = current.workers().get("requests");
        String name = String.valueOf(part.get("name"));
        if (directory == null || !name.matches("\\d+-[0-9a-f]+-executor[0-9A-Za-z]*\\.jsonl")) {
            throw new IOException("no run takes the S3 calls of Python workers");
        }
        Path file = Paths.get(directory, name);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            ByteBuffer bytes = ByteBuffer.wrap((byte[]) part.get("bytes"));
            long position = (Long) part.get("offset");
            while (bytes.hasRemaining()) {
                position += channel.write(bytes, position);
            }
        }
    }

    /** Returns whether a process is running; true on systems without /proc. */
    private static boolean isAlive(String process) {
        return new File("/proc", process).exists() || !new File("/proc/self").exists();
    }

    private Path marker() {
        return folder.resolve("tasks").resolve(executor);
    }

    private void replace(String name, String text) throws IOException {
        Path file = Files.createTempFile(folder, "." + name, "");
        Files.write(file, text.getBytes(StandardCharsets.UTF_8));
        Files.move(file, folder.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }

    private static void createPrivateDirectory(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            try {
                Files.createDirectory(
                        directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (FileAlreadyExistsException another) {
                return; // an executor of this machine made it meanwhile
            }
        }
    }

    private static int count(String text, String word) {
        int count = 0;
        for (int at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length())) {
            count++;
        }
        return count;
    }

    private static void delete(File file) {
        File[] entries = file.listFiles();
        if (entries != null) {
            for (File entry : entries) {
                delete(entry);
            }
        }
        file.delete();
    }
}
