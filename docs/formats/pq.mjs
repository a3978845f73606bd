// The two algorithms that Python's cryptography may lack. One JSON question on standard input, one answer on standard output; bytes in hexadecimal.
//
//   {"kem": SEED 64, "ciphertext": …}                          → the shared secret of ML-KEM-768 (FIPS 203, decapsulation)
//   {"verify": KEY, "message": …, "context": …, "signature": …} → true or false, ML-DSA-44 (FIPS 204, pure)
//
// A list of questions gives a list of answers.
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js';

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, 'hex'));

function answer(q) {
  if (q.kem !== undefined) {
    const { publicKey, secretKey } = ml_kem768.keygen(bytes(q.kem));
    const secret = ml_kem768.decapsulate(bytes(q.ciphertext), secretKey);
    return { secret: Buffer.from(secret).toString('hex'), public: Buffer.from(publicKey).toString('hex') };
  }
  try {
    return ml_dsa44.verify(bytes(q.signature), bytes(q.message), bytes(q.verify), { context: bytes(q.context) });
  } catch {
    return false;
  }
}

let text = '';
for await (const part of process.stdin) text += part;
const q = JSON.parse(text);
process.stdout.write(JSON.stringify(Array.isArray(q) ? q.map(answer) : answer(q)));
