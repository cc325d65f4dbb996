/** A split bundle exposes the names of a CommonJS package only to a module of its own. */
export { PemConverter, X509CertificateGenerator } from '@peculiar/x509';
