"""What each code of a reject or warning asks a person to do."""

CURRENCY = (
    r"(?:US|CA|A|NZ|R|HK|S|MX|C|AU)\$|[$€£¥₹₩₽₺₪฿₫₴₦₱₡]|RS\.?|KR\.?|ZŁ|KČ|FT|"
    "USD|EUR|GBP|CAD|AUD|NZD|CHF|JPY|CNY|INR|BRL|MXN|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|TRY|ZAR|AED|SAR|ILS|SGD|HKD|KRW|THB|PHP|IDR|MYR|VND|RUB|UAH|NGN|KES|EGP|ARS|CLP|COP|PEN"
)

HINTS = {
    "missing_column": "Export the file again with this column, or add its header to the source file.",
    "field_count": "The line has lost or gained a delimiter or a quote. Correct it in the source product and export again.",
    "missing_required": "Fill in the value in the source product and export again.",
    "id_conflict": "Two different records carry this id; the first was kept. Decide which one is right.",
    "bad_date": "Write the date as yyyy-mm-dd in the source product, or correct the date order in the project.",
    "bad_amount": "Put a plain number there, or clear the cell.",
    "orphan": "The record that it refers to is not in the export. Export that one too, or correct the reference.",
    "orphan_parent_rejected": "The record that it refers to was rejected itself. Correct that one first.",
    "orphan_parent_deleted": "The record that it refers to is marked as deleted. Restore it, or leave this one out.",
    "bad_relation": "The kind of record that it relates to is not known. Correct it, or add it to the source file.",
    "unmatched_product": "No product in the target has this SKU or name. Create the product, or correct the line.",
    "file_missing": "The file is not in the export. Deliver it, or correct the path.",
    "empty_attachment": "The file has no content. Deliver it again.",
    "unsafe_path": "The path leads out of the export. Correct it.",
    "bad_url": "The address may not be fetched. Deliver the file itself.",
    "bad_base64": "The content is cut off or damaged. Export it again.",
    "size_mismatch": "The file is not as long as the export says. Deliver it again.",
    "checksum_mismatch": "The file is not the one that the export describes. Deliver it again.",
    "no_content": "Neither a file, nor content, nor an address is given.",
    "imaging_store": "Clinical images are extracted separately, with a manifest.",
    "not_an_object": "The JSON element is no object with fields. Check the dump.",
    "bad_optional_date": "The date could not be read and was left empty.",
    "date_order_flipped": "Day and month stand in the other order than in the rest of the file. Check this date.",
    "invalid_email": "Not an e-mail address: the record cannot be matched by it.",
    "several_emails": "The first address counts.",
    "negative_amount": "The amount is negative. Check that it is meant.",
    "surplus_empty_fields": "The line has more delimiters than the header; nothing was lost.",
    "nul_byte": "A NUL character was removed.",
    "lone_surrogate": "Half a character was replaced by U+FFFD.",
    "stray_quote": "A quote stands inside a cell without being doubled; it was kept as a character.",
    "mojibake_repaired": "Text that had been decoded wrongly was repaired. Check it.",
    "bad_boolean": "Neither yes nor no; left empty.",
}
