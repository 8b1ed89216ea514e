// Content that is encrypted, by its bytes: what libclamav says nothing of. Pure.
#pragma once

#include <string_view>

namespace evermilter::scanner {

// An Office document with a password, in a compound file ([MS-CFB]): "EncryptedPackage" ([MS-OFFCRYPTO] 2.3.4.4), a
// Word document ([MS-DOC] 2.5.2, fEncrypted), a workbook ([MS-XLS] 2.4.117, FilePass), a presentation ([MS-PPT] 2.3.2,
// headerToken). Empty: not encrypted, else what it is.
[[nodiscard]] std::string_view encrypted_office(std::string_view bytes) noexcept;

// Other files that begin as an encrypted one does: disk images, OpenPGP in text form, age, OpenSSL. Empty: none of
// them.
[[nodiscard]] std::string_view encrypted_file(std::string_view bytes) noexcept;

// Whether the manifest of an OpenDocument file (META-INF/manifest.xml) says that members are encrypted (ODF 1.2, part
// 3, 4.4).
[[nodiscard]] bool encrypted_manifest(std::string_view manifest) noexcept;

} // namespace evermilter::scanner
