"""SAP's Integrated Communication Interface, reconstructed."""
