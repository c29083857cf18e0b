# protobuf_c_library(NAME target ROOT dir PROTOS a.proto...): generate C from .proto files into the build tree and compile
# it as a static library of its own, without our warning flags.
find_program(PROTOC_C protoc-c REQUIRED)

function(protobuf_c_library)
	cmake_parse_arguments(P "" "NAME;ROOT" "PROTOS" ${ARGN})
	set(out ${CMAKE_CURRENT_BINARY_DIR}/${P_NAME})
	file(MAKE_DIRECTORY ${out})
	foreach(proto ${P_PROTOS})
		string(REGEX REPLACE "\\.proto$" ".pb-c" stem ${proto})
		list(APPEND sources ${out}/${stem}.c)
		list(APPEND headers ${out}/${stem}.h)
		list(APPEND inputs ${P_ROOT}/${proto})
	endforeach()
	add_custom_command(OUTPUT ${sources} ${headers}
		COMMAND ${PROTOC_C} --proto_path=${P_ROOT} --c_out=${out} ${P_PROTOS}
		DEPENDS ${inputs} COMMENT "protoc-c ${P_NAME}" VERBATIM)
	add_library(${P_NAME} STATIC ${sources})
	target_include_directories(${P_NAME} SYSTEM PUBLIC ${out})
	target_link_libraries(${P_NAME} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()
