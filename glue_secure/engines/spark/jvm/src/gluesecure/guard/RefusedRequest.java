package gluesecure.guard;

/** A request that the guard stopped before it was sent. The message is that of the violated control. */
final class RefusedRequest extends Exception {
    private static final long serialVersionUID = 1L;

    final String control;
    final String resource;
    final String found;
    final String required;
    final String fix;

    RefusedRequest(String control, String resource, String found, String required, String fix) {
        super(
                control + " " + resource
                        + "\n  found:    " + found
                        + "\n  required: " + required
                        + "\n  fix:      " + fix);
        this.control = control;
        this.resource = resource;
        this.found = found;
        this.required = required;
        this.fix = fix;
    }
}
