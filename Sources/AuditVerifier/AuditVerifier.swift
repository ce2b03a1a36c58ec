// The first file of AuditVerifier replaces this one.
