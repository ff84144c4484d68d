// The Java judge: java-spiffe, unchanged, as any Java service would use it. See ../README.md for what its lines mean.

import com.google.gson.Gson;
import io.grpc.Status;
import io.spiffe.bundle.jwtbundle.JwtBundleSet;
import io.spiffe.bundle.x509bundle.X509BundleSet;
import io.spiffe.svid.jwtsvid.JwtSvid;
import io.spiffe.svid.x509svid.X509Svid;
import io.spiffe.svid.x509svid.X509SvidValidator;
import io.spiffe.workloadapi.DefaultWorkloadApiClient;
import io.spiffe.workloadapi.Watcher;
import io.spiffe.workloadapi.WorkloadApiClient;
import io.spiffe.workloadapi.X509Context;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

public final class Client {
    private static final Gson GSON = new Gson();

    private static synchronized void say(Map<String, Object> line) {
        System.out.println(GSON.toJson(line));
    }

    /** One line from names and values in turn. */
    private static Map<String, Object> object(Object... pairs) {
        Map<String, Object> out = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) out.put((String) pairs[i], pairs[i + 1]);
        return out;
    }

    public static void main(String[] arguments) {
        try (WorkloadApiClient client = DefaultWorkloadApiClient.newClient()) {
            switch (arguments.length == 0 ? "" : arguments[0]) {
                case "fetch" -> fetch(client, Arrays.copyOfRange(arguments, 1, arguments.length));
                case "judge" -> judge(client, arguments[1]);
                case "watch" -> watch(client);
                default -> throw new IllegalArgumentException("usage: Client fetch AUDIENCE OTHER OTHER | watch | judge AUDIENCE < token");
            }
        } catch (Exception error) {
            say(object("event", "failed", "code", codeOf(error), "text", textOf(error)));
            System.exit(1);
        }
        System.exit(0);
    }

    /** Makes each one-shot call once and checks what came back with the library's own verifiers. */
    private static void fetch(WorkloadApiClient client, String[] audiences) throws Exception {
        List<X509Svid> svids = client.fetchX509Context().getX509Svids();
        X509BundleSet x509Bundles = client.fetchX509Bundles();
        for (X509Svid svid : svids) X509SvidValidator.verifyChain(svid.getChain(), x509Bundles);
        JwtBundleSet jwtBundles = client.fetchJwtBundles();
        say(object(
                "event", "fetched",
                "svids", described(svids),
                "x509Bundles", x509Counts(x509Bundles),
                "jwtBundles", jwtKeys(jwtBundles),
                "leaf", Base64.getEncoder().encodeToString(svids.get(0).getLeaf().getEncoded())));
        JwtSvid one = client.fetchJwtSvid(audiences[0]);
        List<JwtSvid> three = client.fetchJwtSvids(audiences[0], Arrays.copyOfRange(audiences, 1, audiences.length));
        JwtSvid validated = client.validateJwtSvid(one.getToken(), audiences[0]);
        JwtSvid offline = JwtSvid.parseAndValidate(three.get(0).getToken(), jwtBundles, Set.of(audiences[2]));
        String wrongAudience = "OK";
        try {
            client.validateJwtSvid(one.getToken(), "somebody-else");
        } catch (Exception error) {
            wrongAudience = codeOf(error);
        }
        say(object(
                "event", "tokens",
                "one", object("id", one.getSpiffeId().toString(), "audience", one.getAudience()),
                "three", object("id", three.get(0).getSpiffeId().toString(), "audience", three.get(0).getAudience(), "count", three.size()),
                "validated", validated.getSpiffeId().toString(),
                "offline", offline.getSpiffeId().toString(),
                "wrongAudience", wrongAudience));
    }

    /** Has the token on standard input checked by the node, and by the library with the bundles that the node gives. */
    private static void judge(WorkloadApiClient client, String audience) throws Exception {
        String token = new BufferedReader(new InputStreamReader(System.in)).readLine();
        JwtBundleSet jwtBundles = client.fetchJwtBundles();
        JwtSvid validated = client.validateJwtSvid(token, audience);
        JwtSvid offline = JwtSvid.parseAndValidate(token, jwtBundles, Set.of(audience));
        say(object(
                "event", "judged",
                "x509Bundles", x509Counts(client.fetchX509Bundles()),
                "jwtBundles", jwtKeys(jwtBundles),
                "validated", validated.getSpiffeId().toString(),
                "offline", offline.getSpiffeId().toString()));
    }

    /** Reports every update for as long as it lives; each line on standard input makes it fetch once more. */
    private static void watch(WorkloadApiClient client) throws Exception {
        client.watchX509Context(new Updates());
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        while (lines.readLine() != null) {
            try {
                say(object("event", "granted", "svids", described(client.fetchX509Context().getX509Svids())));
            } catch (Exception error) {
                say(object("event", "refused", "code", codeOf(error), "text", textOf(error)));
            }
        }
        Thread.currentThread().join();
    }

    private static final class Updates implements Watcher<X509Context> {
        @Override
        public void onUpdate(X509Context update) {
            try {
                for (X509Svid svid : update.getX509Svids()) X509SvidValidator.verifyChain(svid.getChain(), update.getX509BundleSet());
                say(object("event", "x509", "svids", described(update.getX509Svids()), "x509Bundles", x509Counts(update.getX509BundleSet())));
            } catch (Exception error) {
                onError(error);
            }
        }

        @Override
        public void onError(Throwable error) {
            say(object("event", "error", "code", codeOf(error), "text", textOf(error)));
        }
    }

    /** The gRPC status name as others write it: `PermissionDenied`. */
    private static String codeOf(Throwable error) {
        StringBuilder out = new StringBuilder();
        for (String word : Status.fromThrowable(error).getCode().name().split("_")) {
            out.append(word.charAt(0)).append(word.substring(1).toLowerCase(Locale.ROOT));
        }
        return out.toString();
    }

    private static String textOf(Throwable error) {
        return error.getCause() == null ? error.toString() : error + ": " + textOf(error.getCause());
    }

    /** The key is that of the leaf: parsing has checked that the private key belongs to it. */
    private static List<Map<String, Object>> described(List<X509Svid> svids) throws Exception {
        List<Map<String, Object>> out = new ArrayList<>();
        for (X509Svid svid : svids) {
            byte[] key = MessageDigest.getInstance("SHA-256").digest(svid.getLeaf().getPublicKey().getEncoded());
            out.add(object(
                    "id", svid.getSpiffeId().toString(),
                    "serial", String.format("%032x", svid.getLeaf().getSerialNumber()),
                    "key", HexFormat.of().formatHex(key),
                    "issuer", svid.getLeaf().getIssuerX500Principal().getName()));
        }
        return out;
    }

    private static Map<String, Object> x509Counts(X509BundleSet set) {
        Map<String, Object> out = new LinkedHashMap<>();
        set.getBundles().forEach((domain, bundle) -> out.put(domain.toIdString(), bundle.getX509Authorities().size()));
        return out;
    }

    private static Map<String, Object> jwtKeys(JwtBundleSet set) {
        Map<String, Object> out = new LinkedHashMap<>();
        set.getBundles().forEach((domain, bundle) -> out.put(domain.toIdString(), bundle.getJwtAuthorities().size()));
        return out;
    }
}
