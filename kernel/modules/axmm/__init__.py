"""axmm: address spaces. Source: oscomp/arceos modules/axmm, thesis S002 figure B.1."""
