/**
 * The structs of PJRT's C API (xla/pjrt/c/pjrt_c_api.h), told once. Each function takes the address of one struct, which begins with its
 * size and a list of extensions, and gives an error or null.
 */

/** Fields in order, after the first two. A field has 8 bytes, but for those marked `:i` (a number of 32 bits) and `:b` (a bool). */
export const functions = {
  Error_Destroy: ['error'],
  Error_Message: ['error', 'message', 'message_size'],
  Error_GetCode: ['error', 'code:i'],
  Plugin_Initialize: [],
  Plugin_Attributes: ['attributes', 'num_attributes'],
  Event_Destroy: ['event'],
  Event_IsReady: ['event', 'is_ready:b'],
  Event_Await: ['event'],
  Client_Create: [
    'create_options',
    'num_options',
    'kv_get_callback',
    'kv_get_user_arg',
    'kv_put_callback',
    'kv_put_user_arg',
    'client',
    'kv_try_get_callback',
    'kv_try_get_user_arg',
  ],
  Client_Destroy: ['client'],
  Client_PlatformName: ['client', 'name', 'name_size'],
  Client_PlatformVersion: ['client', 'version', 'version_size'],
  Client_AddressableDevices: ['client', 'devices', 'num_devices'],
  Client_Compile: ['client', 'program', 'compile_options', 'compile_options_size', 'executable'],
  Client_BufferFromHostBuffer: [
    'client',
    'data',
    'type:i',
    'dims',
    'num_dims',
    'byte_strides',
    'num_byte_strides',
    'host_buffer_semantics:i',
    'device',
    'memory',
    'device_layout',
    'done_with_host_buffer',
    'buffer',
  ],
  Device_GetDescription: ['device', 'description'],
  DeviceDescription_Id: ['description', 'id:i'],
  DeviceDescription_ToString: ['description', 'text', 'text_size'],
  LoadedExecutable_GetExecutable: ['loaded', 'executable'],
  LoadedExecutable_Destroy: ['executable'],
  LoadedExecutable_Execute: [
    'executable',
    'options',
    'argument_lists',
    'num_devices',
    'num_args',
    'output_lists',
    'device_complete_events',
    'execute_device',
  ],
  Executable_NumOutputs: ['executable', 'num_outputs'],
  Executable_GetCostAnalysis: ['executable', 'num_properties', 'properties'],
  Executable_GetCompiledMemoryStats: [
    'executable',
    'code_size',
    'argument_size',
    'output_size',
    'alias_size',
    'temp_size',
    'host_code_size',
    'host_argument_size',
    'host_output_size',
    'host_alias_size',
    'host_temp_size',
    'peak_memory',
  ],
  Executable_Serialize: ['executable', 'bytes', 'bytes_size', 'owner', 'deleter'],
  Executable_DeserializeAndLoad: ['client', 'bytes', 'bytes_size', 'loaded', 'options', 'options_size'],
  Executable_Destroy: ['executable'],
  Buffer_Destroy: ['buffer'],
  Buffer_IsDeleted: ['buffer', 'is_deleted:b'],
  Buffer_ReadyEvent: ['buffer', 'event'],
  Buffer_ToHostBuffer: ['src', 'host_layout', 'dst', 'dst_size', 'event'],
} as const

/** Structs that functions' structs refer to. */
export const structs = {
  program: ['code', 'code_size', 'format', 'format_size'],
  executeOptions: [
    'send_callbacks',
    'recv_callbacks',
    'num_send_ops',
    'num_recv_ops',
    'launch_id:i',
    'non_donatable',
    'num_non_donatable',
    'context',
    'call_location',
    'num_tasks',
    'task_ids',
    'incarnation_ids',
  ],
} as const

/**
 * The functions of the API's table up to the last that is used, in its order, which only ever grows at its end. They follow 40 bytes:
 * the table's size, extensions, and the struct of the version.
 */
const order =
  `Error_Destroy Error_Message Error_GetCode Plugin_Initialize Plugin_Attributes Event_Destroy Event_IsReady Event_Error Event_Await
Event_OnReady Client_Create Client_Destroy Client_PlatformName Client_ProcessIndex Client_PlatformVersion Client_Devices
Client_AddressableDevices Client_LookupDevice Client_LookupAddressableDevice Client_AddressableMemories Client_Compile
Client_DefaultDeviceAssignment Client_BufferFromHostBuffer DeviceDescription_Id DeviceDescription_ProcessIndex
DeviceDescription_Attributes DeviceDescription_Kind DeviceDescription_DebugString DeviceDescription_ToString Device_GetDescription
Device_IsAddressable Device_LocalHardwareId Device_AddressableMemories Device_DefaultMemory Device_MemoryStats Memory_Id Memory_Kind
Memory_DebugString Memory_ToString Memory_AddressableByDevices Executable_Destroy Executable_Name Executable_NumReplicas
Executable_NumPartitions Executable_NumOutputs Executable_SizeOfGeneratedCodeInBytes Executable_GetCostAnalysis
Executable_OutputMemoryKinds Executable_OptimizedProgram Executable_Serialize LoadedExecutable_Destroy LoadedExecutable_GetExecutable
LoadedExecutable_AddressableDevices LoadedExecutable_Delete LoadedExecutable_IsDeleted LoadedExecutable_Execute
Executable_DeserializeAndLoad LoadedExecutable_Fingerprint Buffer_Destroy Buffer_ElementType Buffer_Dimensions Buffer_UnpaddedDimensions
Buffer_DynamicDimensionIndices Buffer_GetMemoryLayout Buffer_OnDeviceSizeInBytes Buffer_Device Buffer_Memory Buffer_Delete
Buffer_IsDeleted Buffer_CopyToDevice Buffer_ToHostBuffer Buffer_IsOnCpu Buffer_ReadyEvent Buffer_UnsafePointer
Buffer_IncreaseExternalReferenceCount Buffer_DecreaseExternalReferenceCount Buffer_OpaqueDeviceMemoryDataPointer
CopyToDeviceStream_Destroy CopyToDeviceStream_AddChunk CopyToDeviceStream_TotalBytes CopyToDeviceStream_GranuleSize
CopyToDeviceStream_CurrentBytes TopologyDescription_Create TopologyDescription_Destroy TopologyDescription_PlatformName
TopologyDescription_PlatformVersion TopologyDescription_GetDeviceDescriptions TopologyDescription_Serialize
TopologyDescription_Attributes Compile Executable_OutputElementTypes Executable_OutputDimensions Buffer_CopyToMemory
Client_CreateViewOfDeviceBuffer Executable_Fingerprint Client_TopologyDescription Executable_GetCompiledMemoryStats`.split(
    /\s+/,
  )

export type FunctionName = keyof typeof functions

type Bare<S extends string> = S extends `${infer Name}:${string}` ? Name : S

/** Names of the fields of a function's struct. */
export type FieldOf<N extends FunctionName> = Bare<(typeof functions)[N][number]>

/** Where the address of a function stands in the table. */
export const placeOf = (name: FunctionName): number => 40 + 8 * order.indexOf(name)

interface Field {
  readonly offset: number
  readonly bytes: 8 | 4 | 1
}

/** A struct in C's layout. */
export interface Layout {
  readonly size: number
  readonly fields: ReadonlyMap<string, Field>
}

const widthOf = (kind: string | undefined): Field['bytes'] => (kind === 'i' ? 4 : kind === 'b' ? 1 : 8)

/** C's layout of a struct: each field at a multiple of its width. The size is that up to the last field's end, as PJRT counts it. */
export const layoutOf = (names: readonly string[]): Layout => {
  const fields = new Map<string, Field>()
  let end = 16
  for (const text of names) {
    const [name = '', kind] = text.split(':')
    const bytes = widthOf(kind)
    const offset = Math.ceil(end / bytes) * bytes
    fields.set(name, { offset, bytes })
    end = offset + bytes
  }
  return { size: end, fields }
}
