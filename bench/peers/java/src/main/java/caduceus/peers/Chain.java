package caduceus.peers;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * A chain of signed blocks: what a patient's chain has to be at the least. Nothing is sealed, and there is one chain
 * for all, both of which spare the peers work that ours does.
 */
final class Chain {
    private final PrivateKey key = KeyPairGenerator.getInstance("Ed25519").generateKeyPair().getPrivate();
    private final MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
    private final Signature signature = Signature.getInstance("Ed25519");
    private final SecureRandom random = new SecureRandom();
    private byte[] parent = new byte[32];
    private long height = 0;

    Chain() throws GeneralSecurityException {}

    String head() {
        return HexFormat.of().formatHex(parent);
    }

    /** The next block: salted commitments under one root, the header signed, the records as they came. */
    byte[] block(List<byte[]> records) throws GeneralSecurityException {
        byte[] seed = new byte[32];
        random.nextBytes(seed);
        ByteBuffer place = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        List<byte[]> leaves = new ArrayList<>(records.size());
        for (int at = 0; at < records.size(); at++) {
            sha256.update(seed);
            byte[] salt = sha256.digest(place.putLong(0, at).array());
            sha256.update((byte) 0);
            sha256.update(salt);
            leaves.add(sha256.digest(records.get(at)));
        }
        String header = "{\"height\": " + height + ", \"parent\": \"" + head() + "\", \"root\": \""
                + HexFormat.of().formatHex(root(leaves)) + "\", \"records\": " + records.size() + "}";
        byte[] encoded = header.getBytes(StandardCharsets.UTF_8);
        parent = sha256.digest(encoded);
        height++;
        signature.initSign(key);
        signature.update(parent);
        ByteArrayOutputStream block = new ByteArrayOutputStream();
        block.writeBytes(encoded);
        for (byte[] part : new byte[][] {signature.sign(), seed}) {
            block.write('\n');
            block.writeBytes(part);
        }
        for (byte[] record : records) {
            block.write('\n');
            block.writeBytes(record);
        }
        return block.toByteArray();
    }

    /** Merkle root of RFC 6962 over leaf hashes; an odd node goes up unchanged, which is the same tree. */
    private byte[] root(List<byte[]> leaves) {
        while (leaves.size() > 1) {
            List<byte[]> above = new ArrayList<>(leaves.size() / 2 + 1);
            for (int at = 0; at + 1 < leaves.size(); at += 2) {
                sha256.update((byte) 1);
                sha256.update(leaves.get(at));
                above.add(sha256.digest(leaves.get(at + 1)));
            }
            if (leaves.size() % 2 == 1) {
                above.add(leaves.get(leaves.size() - 1));
            }
            leaves = above;
        }
        return leaves.get(0);
    }
}
