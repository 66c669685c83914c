package gluesecure.guard;

/** A request that the guard stopped before it was sent. The message is that of the violated control. */
final class RefusedRequest extends Exception {
    private static final long serialVersionUID = 1L;

    final String control;

    RefusedRequest(String control, String resource, String found, String required, String fix) {
        super(
                control + " " + resource
                        + "\n  found:    " + found
                        + "\n  required: " + required
                        + "\n  fix:      " + fix);
        this.control = control;
    }
}
